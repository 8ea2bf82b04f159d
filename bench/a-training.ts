// The model and the training step of workload A, as a user writes them.

import { type Tensor, tensor } from "adjoint";
import * as nn from "adjoint/nn";
import { type StatsReport, odeint } from "adjoint/ode";
import { type Trainer, rmsprop, trainer } from "adjoint/optim";
import type { Spiral, Weights } from "./spiral.ts";

/** f = W2 tanh(W1 y³ + b1) + b2 on the rows of y [20, 2]. */
export class Dynamics extends nn.Module {
  w1: Tensor; // [2, 50]
  b1: Tensor; // [50]
  w2: Tensor; // [50, 2]
  b2: Tensor; // [2]

  constructor([w1, b1, w2, b2]: Weights) {
    super();
    this.w1 = tensor(w1!, { shape: [50, 2] }).transpose();
    this.b1 = tensor(b1!);
    this.w2 = tensor(w2!, { shape: [2, 50] }).transpose();
    this.b2 = tensor(b2!);
  }

  forward(_t: Tensor, y: Tensor): Tensor {
    return y.pow(3).matmul(this.w1).add(this.b1).tanh().matmul(this.w2).add(this.b2);
  }

  /** The weights as the peers lay them out. */
  weights(): Weights {
    return [this.w1.transpose(), this.b1, this.w2.transpose(), this.b2].map((w) => [...w.data()]);
  }
}

export interface Batch {
  readonly y0: Tensor; // [20, 2]
  readonly ys: Tensor; // [10, 20, 2]
}

export function batchesOf(spiral: Spiral): Batch[] {
  return spiral.batches.map(({ y0, y }) => ({
    y0: tensor(y0, { shape: [20, 2] }),
    ys: tensor(y, { shape: [10, 20, 2] }),
  }));
}

/** How the ODE is solved and differentiated. rk4 steps from output time to output time. */
export const variants = {
  dopri5_adjoint: { method: "dopri5", rtol: 1e-7, atol: 1e-9, gradient: "backsolve" },
  rk4_adjoint: { method: "rk4_38", gradient: "backsolve" },
  rk4_backprop: { method: "rk4_38", gradient: "direct" },
} as const;
export type Variant = keyof typeof variants;

export type Loss = (model: Dynamics, batch: Batch) => Tensor;

/** Mean absolute error of the solution at the output times. */
export function lossOf(
  variant: Variant,
  t: readonly number[],
  onStats?: (stats: StatsReport) => void,
): Loss {
  const options = { ...variants[variant], ...(onStats && { onStats }) };
  return (model, { y0, ys }) => odeint(model, y0, t, options).sub(ys).abs().mean();
}

export function trainerOf(weights: Weights, loss: Loss): Trainer<Dynamics, Batch> {
  // PyTorch's defaults, which the peers use.
  const optimiser = rmsprop({ learningRate: 1e-3, decay: 0.99, epsilon: 1e-8 });
  return trainer(new Dynamics(weights), loss, optimiser);
}
