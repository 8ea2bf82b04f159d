/** @file Losses: how far predictions are from targets, as one number, the mean over the batch. */
import type { Tensor } from "../../ir/tensor.ts";
import { binaryCrossEntropy, crossEntropy } from "./cross-entropy.ts";
import { categoricalHinge, hinge, squaredHinge } from "./margin.ts";
import {
  huber,
  logCosh,
  meanAbsoluteError,
  meanAbsolutePercentageError,
  meanSquaredError,
  meanSquaredLogarithmicError,
  poisson,
} from "./regression.ts";
import { cosineSimilarity, kullbackLeibler } from "./similarity.ts";

export { binaryCrossEntropy, crossEntropy } from "./cross-entropy.ts";
export type { CrossEntropyOptions } from "./cross-entropy.ts";
export { categoricalHinge, hinge, squaredHinge } from "./margin.ts";
export {
  huber,
  logCosh,
  meanAbsoluteError,
  meanAbsolutePercentageError,
  meanSquaredError,
  meanSquaredLogarithmicError,
  poisson,
} from "./regression.ts";
export { cosineSimilarity, kullbackLeibler } from "./similarity.ts";

/** Names of the losses. */
export type LossName =
  | "binaryCrossEntropy"
  | "categoricalHinge"
  | "cosineSimilarity"
  | "crossEntropy"
  | "hinge"
  | "huber"
  | "kullbackLeibler"
  | "logCosh"
  | "meanAbsoluteError"
  | "meanAbsolutePercentageError"
  | "meanSquaredError"
  | "meanSquaredLogarithmicError"
  | "poisson"
  | "squaredHinge";

/** Every loss by its name. */
export const losses: Readonly<Record<LossName, (prediction: Tensor, target: Tensor) => Tensor>> = {
  binaryCrossEntropy,
  categoricalHinge,
  cosineSimilarity,
  crossEntropy,
  hinge,
  huber,
  kullbackLeibler,
  logCosh,
  meanAbsoluteError,
  meanAbsolutePercentageError,
  meanSquaredError,
  meanSquaredLogarithmicError,
  poisson,
  squaredHinge,
};
