/** @file Operators of ONNX that stand for several primitives, in the order in which they are looked for. */
import type { Pattern } from "../step.ts";
import { activationPatterns } from "./activations.ts";
import { batchNorm } from "./batch-norm.ts";
import { biasedPatterns } from "./biased.ts";
import { poolingPatterns } from "./pooling.ts";
import { viewPatterns } from "./views.ts";

/** Every pattern. */
export const patterns: readonly Pattern[] = [
  batchNorm,
  ...biasedPatterns,
  ...poolingPatterns,
  ...activationPatterns,
  ...viewPatterns,
];
