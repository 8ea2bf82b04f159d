/** @file Two networks of one hidden number each, trained on the same task: layers one after another, and one flow. */
import { type Tensor, concat, linspace, tensor } from "adjoint";
import * as nn from "adjoint/nn";
import { odeintAdjoint } from "adjoint/ode";
import { adam, schedules, trainer } from "adjoint/optim";

/** Layers of the residual network, and the time at which the flow ends. */
export const depth = 5;

/** What both learn: three steps, which flows can climb since they never fall. */
export const task = (x: Tensor): Tensor =>
  x.add(2.2).mul(2).tanh().add(x.sub(2.2).mul(2).tanh()).mul(1.6);

/** A change of the hidden number: [N, inputs] -> [N, 1]. */
const change = (inputs: number, units: number, seed: number): nn.Sequential =>
  nn.sequential(
    [
      nn.dense({ units, activation: "tanh" }),
      nn.dense({ units, activation: "tanh" }),
      nn.dense({ units: 1 }),
    ],
    { inputShape: [inputs], seed },
  );

/** h(k + 1) = h(k) + f_k(h(k)), k = 0 ... 4. */
export class ResidualNetwork extends nn.Module {
  readonly layers: readonly nn.Sequential[] = Array.from({ length: depth }, (_, k) =>
    change(1, 16, k),
  );

  /** All hidden states: depth + 1 tensors [N, 1]. */
  states(x: Tensor): Tensor[] {
    const states = [x];
    for (const layer of this.layers) states.push(states.at(-1)!.add(layer.forward(states.at(-1)!)));
    return states;
  }

  output(x: Tensor): Tensor {
    return this.states(x).at(-1)!;
  }
}

/** dh/dt = f(t, h), t from 0 to 5. */
export class Flow extends nn.Module {
  readonly net: nn.Sequential = change(2, 32, 100);

  forward(t: Tensor, h: Tensor): Tensor {
    const time = t
      .mul(2 / depth)
      .sub(1)
      .broadcastTo(h.shape);
    return this.net.forward(concat([h, time], 1));
  }

  output(x: Tensor): Tensor {
    return odeintAdjoint(this, x, tensor([0, depth]), { rtol: 1e-4, atol: 1e-5 }).at(-1);
  }
}

/** Trains a network on the task; the trained one and its mean squared error. */
export function train<M extends ResidualNetwork | Flow>(
  network: M,
  steps: number,
): { readonly model: M; readonly loss: number } {
  const x = linspace(-5, 5, 101, { dtype: "float32" }).reshape([101, 1]);
  const y = task(x);
  const t = trainer(
    network,
    (model: M, batch: { x: Tensor; y: Tensor }) =>
      nn.meanSquaredError(model.output(batch.x), batch.y),
    adam({ learningRate: schedules.cosine({ from: 0.01, to: 1e-4, steps }) }),
  );
  for (let i = 0; i < steps; i++) t.step({ x, y });
  return { model: t.model, loss: t.evaluate({ x, y }) };
}
