/** @file Stochastic gradient descent. */
import { ArgumentError, complaint } from "../base/errors.ts";
import { checkOptions } from "../base/options.ts";
import type { Rate } from "./schedules/schedule.ts";
import { type Optimizer, chain } from "./transformation.ts";
import { scaleByLearningRate } from "./transforms/learning-rate.ts";
import { accumulateMomentum } from "./transforms/momentum.ts";

/** Options of `sgd`. */
export interface SgdOptions {
  readonly learningRate: Rate;
  /** 0 unless given. */
  readonly momentum?: number;
  /** Nesterov's momentum: false unless given. */
  readonly nesterov?: boolean;
}

/** p -= learningRate · v, v = momentum · v + g; the numbers are PyTorch's. Throws ArgumentError for options out of range. */
export function sgd(options: SgdOptions): Optimizer {
  checkOptions("sgd", options, ["learningRate", "momentum", "nesterov"]);
  const { learningRate, momentum = 0, nesterov = false } = options;
  if (nesterov && momentum === 0)
    throw new ArgumentError(complaint("sgd: nesterov", "a momentum above 0", "0"));
  const step = scaleByLearningRate(learningRate);
  return momentum === 0 ? chain(step) : chain(accumulateMomentum(momentum, nesterov), step);
}
