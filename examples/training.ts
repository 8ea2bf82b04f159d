/** @file A neural ODE trained on torchdiffeq's spiral. Run it with `npx tsx examples/training.ts`. */
import { type Tensor, random, stack, tensor } from "adjoint";
import * as nn from "adjoint/nn";
import { odeint, odeintAdjoint } from "adjoint/ode";
import { rmsprop, trainer } from "adjoint/optim";

class Dynamics extends nn.Module {
  net = nn.sequential([
    nn.dense({ units: 50, activation: "tanh", inputShape: [2] }),
    nn.dense({ units: 2 }),
  ]);

  forward(_t: Tensor, y: Tensor): Tensor {
    return this.net.forward(y.pow(3));
  }
}

interface Batch {
  y0: Tensor; // [20, 2]
  ts: Tensor; // [10]
  ys: Tensor; // [10, 20, 2]
}

const A = tensor([
  [-0.1, 2],
  [-2, -0.1],
]);
const times = Array.from({ length: 1000 }, (_, i) => (25 * i) / 999);
const truth = odeint((_t, y) => y.pow(3).matmul(A), tensor([[2, 0]]), times).squeeze(1); // [1000, 2]

/** Twenty pieces of ten points, from random places of the true trajectory. */
function batchOf(seed: number): Batch {
  const starts = random.choice(random.key(seed), 990, 20);
  const points = Array.from({ length: 10 }, (_, i) => truth.take(starts.add(i), 0));
  return { y0: points[0]!, ts: tensor(times.slice(0, 10)), ys: stack(points) };
}

const t = trainer(
  new Dynamics(),
  (model, batch: Batch) => odeintAdjoint(model, batch.y0, batch.ts).sub(batch.ys).abs().mean(),
  rmsprop({ learningRate: 1e-3 }),
);
const losses: number[] = [];
for (let i = 0; i < 200; i++) losses.push(t.step(batchOf(i))); // one compiled training step, state resident

export const results = {
  first: losses[0]!,
  last: losses.slice(-20).reduce((sum, loss) => sum + loss) / 20,
  model: t.model,
};
console.log(`loss ${results.first.toFixed(4)} -> ${results.last.toFixed(4)}`);
