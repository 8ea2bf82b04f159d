/** @file Primitives that one operator of ONNX stands for together, in the order in which they are looked for. */
import type { Pattern } from "../step.ts";
import { biasedPatterns } from "./biased.ts";
import { viewPatterns } from "./views.ts";

/** Every pattern. */
export const patterns: readonly Pattern[] = [...biasedPatterns, ...viewPatterns];
