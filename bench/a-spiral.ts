// Workload A: the spiral of torchdiffeq's demo, f = W2 tanh(W1 y³ + b1) + b2 with 2-50-2 units; one training
// iteration is solve + mean absolute error + gradient + RMSprop. rtol 1e-7, atol 1e-9, 20 samples, 10 times.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type Tensor, jit, tensor, valueAndGrad, vjp } from "adjoint";
import * as nn from "adjoint/nn";
import { odeint, odeintAdjoint, solve } from "adjoint/ode";
import { type Trainer, rmsprop, trainer } from "adjoint/optim";
import { type Measurement, sample, summarise } from "./measure.ts";
import { type Spiral, type Weights, makeSpiral, readSpiral } from "./spiral.ts";
import type { Options } from "./workload.ts";

export class Dynamics extends nn.Module {
  net: nn.Sequential = nn.sequential([
    nn.dense({ units: 50, activation: "tanh", inputShape: [2] }),
    nn.dense({ units: 2 }),
  ]);
  forward(_t: Tensor, y: Tensor): Tensor {
    return this.net.forward(y.pow(3));
  }
}
