/** @file Every transformation that optimisers are chained from. A transformation is one file here and one line below. */
export { clipByGlobalNorm, globalNorm } from "./clip-by-global-norm.ts";
export { clipByValue } from "./clip-by-value.ts";
export { addDecayedWeights } from "./decayed-weights.ts";
export { scaleByLearningRate } from "./learning-rate.ts";
export { accumulateMomentum } from "./momentum.ts";
export { scaleByAdam } from "./scale-by-adam.ts";
export type { AdamMoments } from "./scale-by-adam.ts";
export { scaleByRms } from "./scale-by-rms.ts";
export type { RmsOptions } from "./scale-by-rms.ts";
