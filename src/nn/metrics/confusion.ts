/** @file Who was taken for whom, and what follows from it: precision, recall and their mean. */
import { isFloat } from "../../ir/dtype.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { iota, logicalOr, where } from "../../ops/index.ts";
import { classesOf, sidesOf } from "./classes.ts";
import { type CountingMetric, counting } from "./metric.ts";

/**
 * How often class i (row) was taken for class j (column): int32 [K, K]. Outputs [..., K] with targets as for `accuracy`;
 * with outputs [N] or [N, 1] and targets 0 and 1 of as many elements, outputs above `threshold` (0.5 unless given) are class 1
 * of two. Exact for up to 2^24 samples.
 */
export function confusionMatrix(output: Tensor, target: Tensor, threshold = 0.5): Tensor {
  const who = "confusionMatrix";
  if (isBinary(output, target)) {
    const { predicted, meant } = sidesOf(who, output, target, threshold);
    return count(meant.cast("int32"), predicted.cast("int32"), 2);
  }
  const { predicted, meant, classes } = classesOf(who, output, target);
  return count(meant.reshape([meant.size]), predicted.reshape([predicted.size]), classes);
}

function isBinary(output: Tensor, target: Tensor): boolean {
  return (
    output.rank === 1 ||
    (output.rank === 2 &&
      output.shape[1] === 1 &&
      output.size === target.size &&
      isFloat(output.dtype))
  );
}

function count(meant: Tensor, predicted: Tensor, classes: number): Tensor {
  return meant.oneHot(classes).transpose().matmul(predicted.oneHot(classes)).cast("int32");
}

/** The diagonal, row sums (how often each class was meant) and column sums (predicted) of a confusion matrix. */
function margins(matrix: Tensor): { hits: Tensor; meant: Tensor; predicted: Tensor } {
  const { shape } = matrix;
  const diagonal = iota(shape, 0).equal(iota(shape, 1));
  return {
    hits: where(diagonal, matrix, 0).sum([1]),
    meant: matrix.sum([1]),
    predicted: matrix.sum([0]),
  };
}

/** hits / total a class, 0 of none. Two classes: that of class 1. More: the mean over the classes that occur at all. */
function average(hits: Tensor, total: Tensor, occurs: Tensor): Tensor {
  const scores = where(total.greater(0), hits.div(total.maximum(1)), 0);
  if (scores.size === 2) return scores.at(1);
  const present = occurs.cast(scores.dtype);
  return scores.mul(present).sum().div(present.sum());
}

const scoreOf = (
  total: (meant: Tensor, predicted: Tensor) => Tensor,
  factor: number,
): CountingMetric =>
  counting(confusionMatrix, (matrix) => {
    const { hits, meant, predicted } = margins(matrix);
    const occurs = logicalOr(meant.greater(0), predicted.greater(0));
    return average(hits.mul(factor), total(meant, predicted), occurs);
  });

/**
 * Of the samples called a class, the share that are of it. Outputs and targets as for `confusionMatrix`: of two classes that of
 * class 1, of more the mean over all classes that occur (macro average).
 */
export const precision: CountingMetric = scoreOf((_, predicted) => predicted, 1);

/** Of the samples of a class, the share that were called it; averaged as for `precision`. */
export const recall: CountingMetric = scoreOf((meant) => meant, 1);

/** The harmonic mean of precision and recall a class (van Rijsbergen 1979, chapter 7), averaged as for `precision`. */
export const f1: CountingMetric = scoreOf((meant, predicted) => meant.add(predicted), 2);
