// A neural ODE in the trainer: the adjoint's gradients train it, and reach parameters of every kind of gradient alike.
import { expect, test } from "vitest";
import { type Tensor, tensor } from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";
import { odeint, odeintAdjoint } from "../../src/ode/index.ts";
import { adam, rmsprop, trainer } from "../../src/optim/index.ts";

class Dynamics extends nn.Module {
  net: nn.Sequential = nn.sequential([
    nn.dense({ units: 16, activation: "tanh", inputShape: [2] }),
    nn.dense({ units: 2 }),
  ]);
  forward(_t: Tensor, y: Tensor): Tensor {
    return this.net.forward(y.pow(3));
  }
}

const ts = tensor([0, 0.1, 0.2, 0.3]);
const y0 = tensor([
  [2, 0],
  [0.5, 1.5],
  [-1, 1],
]);
/** torchdiffeq's spiral, y' = y³ A, solved beforehand by the library itself. */
const spiral = (_t: Tensor, y: Tensor): Tensor =>
  y.pow(3).matmul(
    tensor([
      [-0.1, 2],
      [-2, -0.1],
    ]),
  );
const ys = odeint(spiral, y0, ts);

test("the adjoint trains the dynamics of the manual", () => {
  const t = trainer(
    new Dynamics(),
    (model, batch) => odeintAdjoint(model, batch.y0, batch.ts).sub(batch.ys).abs().mean(),
    rmsprop({ learningRate: 3e-3 }),
  );
  const batch = { y0, ts, ys };
  const first = t.step(batch);
  for (let i = 0; i < 60; i++) t.step(batch);
  expect(t.evaluate(batch)).toBeLessThan(first / 3);
  const forecast = odeint(t.model, y0, ts);
  expect(forecast.sub(ys).abs().mean().item()).toBeLessThan(first / 3);
});

test("every gradient mode trains to the same parameters, to solver tolerance", () => {
  const train = (gradient: "direct" | "checkpoint" | "backsolve"): number[] => {
    const t = trainer(
      new Dynamics(),
      (model, batch) =>
        odeint(model, batch.y0, batch.ts, { gradient, rtol: 1e-6, atol: 1e-8 })
          .sub(batch.ys)
          .square()
          .mean(),
      adam({ learningRate: 1e-2, epsilon: 1e-3 }),
    );
    for (let i = 0; i < 5; i++) t.step({ y0, ts, ys });
    return t.model.parameters().flatMap((p) => [...p.data()]);
  };
  const direct = train("direct");
  for (const other of [train("checkpoint"), train("backsolve")])
    other.forEach((value, i) => expect(Math.abs(value - direct[i]!)).toBeLessThan(2e-4));
});
