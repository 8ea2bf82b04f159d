/** @file RMSprop, the optimiser of the neural ODE examples. */
import { checkOptions } from "../base/options.ts";
import type { Rate } from "./schedules/schedule.ts";
import { type Optimizer, type Transformation, chain } from "./transformation.ts";
import { scaleByLearningRate } from "./transforms/learning-rate.ts";
import { accumulateMomentum } from "./transforms/momentum.ts";
import { type RmsOptions, rmsOptions, scaleByRms } from "./transforms/scale-by-rms.ts";

/** Options of `rmsprop`. `decay` is PyTorch's alpha and Keras' rho. */
export interface RmspropOptions extends RmsOptions {
  /** 1e-2 unless given. */
  readonly learningRate?: Rate;
  /** 0 unless given. */
  readonly momentum?: number;
}

/**
 * p -= learningRate · g / (√s + ε) with s = decay · s + (1 - decay) g² (Tieleman and Hinton 2012, lecture 6.5), optionally
 * centred (Graves 2013) and with momentum; defaults and numbers are PyTorch's. Throws ArgumentError for options out of range.
 */
export function rmsprop(options: RmspropOptions = {}): Optimizer {
  checkOptions("rmsprop", options, ["learningRate", "momentum", ...rmsOptions]);
  const { learningRate = 1e-2, momentum = 0, ...rms } = options;
  const inertia: Transformation[] = momentum === 0 ? [] : [accumulateMomentum(momentum)];
  return chain(scaleByRms(rms), ...inertia, scaleByLearningRate(learningRate));
}
