// Workload B: f = W2 tanh(W1 y + b1) + b2, state 64, batch 256, hidden 128; 40 steps of the 3/8 rule on [0, 1].

import { type Tensor, grad, jit, random } from "adjoint";
import * as nn from "adjoint/nn";
import { odeint } from "adjoint/ode";
import { type Measurement, sample, summarise } from "./measure.ts";

class Mlp extends nn.Module {
  net: nn.Sequential = nn.sequential([
    nn.dense({ units: 128, activation: "tanh", inputShape: [64] }),
    nn.dense({ units: 64 }),
  ]);
  forward(_t: Tensor, y: Tensor): Tensor {
    return this.net.forward(y);
  }
}

const options = { method: "rk4_38", stepSize: 1 / 40, gradient: "backsolve" } as const;

export function* run(): Iterable<Measurement> {
  const model = new Mlp();
  const y0 = random.normal(random.key(0), [256, 64]);
  const solve = (m: Mlp, y: Tensor): Tensor => odeint(m, y, [0, 1], options).slice([1], [2]);
  const gradients = jit(
    grad((m: Mlp, y: Tensor) => solve(m, y).square().mean(), { argnums: [0, 1] }),
  );
  const forward = jit(solve);
  const repetition = { samples: 15, warmup: 2 };
  yield summarise(
    "B.rk4_fwd_adjoint",
    sample(() => void gradients(model, y0), repetition),
  );
  yield summarise(
    "B.rk4_fwd",
    sample(() => void forward(model, y0), repetition),
  );
}
