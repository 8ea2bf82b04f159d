/** @file Adam with decoupled weight decay. */
import { checkOptions } from "../base/options.ts";
import type { AdamOptions } from "./adam.ts";
import { type Optimizer, chain } from "./transformation.ts";
import { addDecayedWeights } from "./transforms/decayed-weights.ts";
import { scaleByLearningRate } from "./transforms/learning-rate.ts";
import { adamMoments, scaleByAdam } from "./transforms/scale-by-adam.ts";

/** Options of `adamw`. */
export interface AdamwOptions extends AdamOptions {
  /** Times the learning rate, the share of every parameter that goes each step: 0.01 unless given. */
  readonly weightDecay?: number;
}

/** AdamW (Loshchilov and Hutter 2017, algorithm 2); the numbers are PyTorch's. Throws ArgumentError for options out of range. */
export function adamw(options: AdamwOptions = {}): Optimizer {
  checkOptions("adamw", options, ["learningRate", "weightDecay", ...adamMoments]);
  const { learningRate = 1e-3, weightDecay = 1e-2, ...moments } = options;
  return chain(
    scaleByAdam(moments),
    addDecayedWeights(weightDecay),
    scaleByLearningRate(learningRate),
  );
}
