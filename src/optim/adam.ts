/** @file Adam, the optimiser of most networks. */
import { checkOptions } from "../base/options.ts";
import type { Rate } from "./schedules/schedule.ts";
import { type Optimizer, chain } from "./transformation.ts";
import { scaleByLearningRate } from "./transforms/learning-rate.ts";
import { type AdamMoments, adamMoments, scaleByAdam } from "./transforms/scale-by-adam.ts";

/** Options of `adam`. */
export interface AdamOptions extends AdamMoments {
  /** 1e-3 unless given. */
  readonly learningRate?: Rate;
}

/** Adam (Kingma and Ba 2014, algorithm 1); the numbers are PyTorch's. Throws ArgumentError for options out of range. */
export function adam(options: AdamOptions = {}): Optimizer {
  checkOptions("adam", options, ["learningRate", ...adamMoments]);
  const { learningRate = 1e-3, ...moments } = options;
  return chain(scaleByAdam(moments), scaleByLearningRate(learningRate));
}
