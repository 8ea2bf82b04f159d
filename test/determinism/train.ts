// A small neural ODE trained from a seed, condensed to a hash of every bit of its weights.

import { type Tensor, concat, jit, random, tensor } from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";
import { odeint, odeintAdjoint } from "../../src/ode/index.ts";
import { adam, rmsprop, trainer } from "../../src/optim/index.ts";
import { Hash } from "./hash.ts";

class Field extends nn.Module {
  net: nn.Sequential;
  constructor(key: Tensor) {
    super();
    const [first, second] = random.split(key);
    this.net = nn.sequential([
      nn.dense({ units: 24, activation: "tanh", inputShape: [2], key: first! }),
      nn.dense({ units: 2, key: second! }),
    ]);
  }
  forward(_t: Tensor, y: Tensor): Tensor {
    return this.net.forward(y) as Tensor;
  }
}

const times = [0, 0.1, 0.25, 0.6, 1];

/** Adds the losses and final weights of adaptive training through the adjoint. */
function train(hash: Hash, steps: number): void {
  const [modelKey, dataKey, targetKey] = random.split(random.key(20), 3);
  const y0 = random.normal(dataKey!, [7, 2]);
  const target = random.uniform(targetKey!, [times.length, 7, 2]);
  for (const optimiser of [rmsprop({ learningRate: 1e-2 }), adam({ learningRate: 1e-2 })]) {
    const t = trainer(
      new Field(modelKey!),
      (model: Field, batch: { y0: Tensor; target: Tensor }) =>
        odeintAdjoint(model, batch.y0, times, { rtol: 1e-5, atol: 1e-7 })
          .sub(batch.target)
          .abs()
          .mean(),
      optimiser,
    );
    const losses = Array.from({ length: steps }, () => t.step({ y0, target }));
    hash.add(Float64Array.from(losses));
    for (const weights of t.model.parameters()) hash.add(weights.data());
  }
}

/** Adds transcendentals of both float types and an adaptive float64 solve, where platforms like to differ. */
function compute(hash: Hash): void {
  const x = random.normal(random.key(21), [501]).mul(4);
  const all = jit((v: Tensor) =>
    concat([v.exp(), v.tanh(), v.sin(), v.cos(), v.abs().log(), v.abs().pow(0.3), v.erf()]),
  );
  hash.add(all(x).data());
  hash.add(all(x.cast("float64")).data());
  const pendulum = (t: Tensor, y: Tensor): Tensor =>
    concat([y.slice([1], [2]), y.slice([0], [1]).sin().neg().add(t.cos().mul(0.1))]);
  const start = tensor([1.5, 0], { dtype: "float64" });
  hash.add(odeint(pendulum, start, [0, 5, 10], { rtol: 1e-9, atol: 1e-11 }).data());
}

/** The same 16 hexadecimal digits on every machine and JavaScript engine. */
export function trainedBits(steps = 25): string {
  const hash = new Hash();
  compute(hash);
  train(hash, steps);
  return hash.toString();
}
