/** @file Metrics: what people want to know of predictions, beside the loss. Every loss is one, too. */
import { Tensor } from "../ir/tensor.ts";
import { isFloat } from "../ir/dtype.ts";
import { count } from "../base/kinds.ts";
import { ArgumentError, DTypeError, ShapeError, complaint, describe } from "../base/errors.ts";
import { formatShape, sameShape } from "../ir/shape.ts";
import { requireTensor } from "../ops/bind.ts";
import { checkLabels, pair } from "./losses.ts";
import { isFinite, logicalAnd, where, iota, logicalOr, sqrt, stack, tensor } from "../ops/index.ts";

/** A scalar of outputs and targets that is a mean over samples: over batches it is averaged, weighted by their sizes. */
export type Metric = (output: Tensor, target: Tensor) => Tensor;

/**
 * A metric that is not a mean over samples (precision, say): over batches its counts are added, and its value is computed from
 * their sum, so that batches make no difference.
 */
export interface CountingMetric {
  /** The metric of one batch. */
  (output: Tensor, target: Tensor): Tensor;
  /** What is added up over batches: a tensor whose shape does not depend on the batch's size. */
  counts(output: Tensor, target: Tensor): Tensor;
  /** The metric, a scalar, from the sum of all counts (float64). */
  value(counts: Tensor): Tensor;
}

/** A metric that counts: `counting(counts, value)`. */
export function counting(
  counts: CountingMetric["counts"],
  value: CountingMetric["value"],
): CountingMetric {
  return Object.assign(
    (output: Tensor, target: Tensor) => value(counts(output, target).cast("float64")),
    {
      counts,
      value,
    },
  );
}

/**
 * int32 classes of outputs [..., K] (scores, of which the largest counts) and of targets: int32 labels [...], or one-hot or
 * probabilities [..., K]. Throws ShapeError, DTypeError, and ArgumentError for labels out of range where they have values.
 */
function classesOf(
  who: string,
  output: Tensor,
  target: Tensor,
): { readonly predicted: Tensor; readonly meant: Tensor; readonly classes: number } {
  requireTensor(`${who}: output`, output);
  requireTensor(`${who}: target`, target);
  if (output.rank === 0 || !isFloat(output.dtype))
    throw new ShapeError(
      complaint(
        `${who}: output`,
        "float scores of classes along the last axis",
        describeType(output),
      ),
    );
  const classes = output.shape.at(-1)!;
  const labels = output.shape.slice(0, -1);
  const predicted = output.argMax(-1);
  if (classes < 2)
    throw new ShapeError(
      complaint(
        `${who}: output`,
        "scores of at least 2 classes along the last axis",
        describeType(output),
        "For one score a sample use binaryAccuracy.",
      ),
    );
  if (sameShape(target.shape, output.shape))
    return { predicted, meant: numbers(target).argMax(-1), classes };
  if (!sameShape(target.shape, labels))
    throw new ShapeError(
      complaint(
        `${who}: target`,
        `labels ${formatShape(labels)} or one-hot targets ${formatShape(output.shape)}`,
        formatShape(target.shape),
      ),
    );
  if (target.dtype !== "int32")
    throw new DTypeError(
      complaint(`${who}: target`, "int32 labels", target.dtype, 'Use cast("int32").'),
    );
  checkLabels(`${who}: target`, target, classes);
  return { predicted, meant: target, classes };
}

/** Bool: which samples are called positive, and which are. Shapes equal, or output [N, 1] for targets [N]. */
function sidesOf(
  who: string,
  output: Tensor,
  target: Tensor,
  threshold: number,
): { readonly predicted: Tensor; readonly meant: Tensor } {
  requireTensor(`${who}: output`, output);
  requireTensor(`${who}: target`, target);
  if (typeof threshold !== "number" || Number.isNaN(threshold))
    throw new ArgumentError(complaint(`${who}: threshold`, "a number", describe(threshold)));
  if (output.size !== target.size || Math.abs(output.rank - target.rank) > 1)
    throw new ShapeError(
      complaint(
        who,
        "output and target of one shape",
        `${formatShape(output.shape)} and ${formatShape(target.shape)}`,
      ),
    );
  const meant = numbers(target.reshape([target.size])).greater(0.5);
  return { predicted: output.reshape([output.size]).greater(threshold), meant };
}

/** Bool as 0 and 1, int32 as it is. */
function numbers(x: Tensor): Tensor {
  return isFloat(x.dtype) ? x : x.cast("float32");
}

function describeType(x: Tensor): string {
  return `${x.dtype} ${formatShape(x.shape)}`;
}

// Shares of samples that were got right.

/**
 * The share of samples whose highest score is the target's class, a float64 scalar. Outputs [..., K]; targets int32 labels
 * [...], or one-hot or probabilities [..., K]. Of equal scores the first counts. Throws ShapeError, DTypeError and ArgumentError.
 */
export function accuracy(output: Tensor, target: Tensor): Tensor {
  const { predicted, meant } = classesOf("accuracy", output, target);
  return predicted.equal(meant).cast("float64").mean();
}

/** The share of samples whose class has one of the `k` highest scores (5 unless given): fewer than k are higher. Shapes as for `accuracy`. */
export function topKAccuracy(output: Tensor, target: Tensor, k = 5): Tensor {
  count.read("topKAccuracy: k", k, ArgumentError);
  const { meant, classes } = classesOf("topKAccuracy", output, target);
  const own = where(meant.oneHot(classes, { dtype: "bool" }), output, 0).sum([-1], true);
  const higher = output.greater(own).cast("int32").sum([-1]);
  const inside = logicalAnd(higher.less(k), isFinite(own.squeeze(-1)));
  return inside.cast("float64").mean();
}

/**
 * The share of elements on the right side of `threshold` (0.5 unless given: of probabilities; 0 is that of logits).
 * Targets 0 and 1, of the output's shape. Throws ShapeError unless the shapes agree.
 */
export function binaryAccuracy(output: Tensor, target: Tensor, threshold = 0.5): Tensor {
  const { predicted, meant } = sidesOf("binaryAccuracy", output, target, threshold);
  return predicted.equal(meant).cast("float64").mean();
}

// Which class was taken for which, and what follows from it: precision, recall and their mean.

/**
 * How often class i (row) was taken for class j (column): int32 [K, K]. Outputs [..., K] with targets as for `accuracy`;
 * with outputs [N] or [N, 1] and targets 0 and 1 of as many elements, outputs above `threshold` (0.5 unless given) are class 1
 * of two. Exact for up to 2^24 samples.
 */
export function confusionMatrix(output: Tensor, target: Tensor, threshold = 0.5): Tensor {
  const who = "confusionMatrix";
  if (isBinary(output, target)) {
    const { predicted, meant } = sidesOf(who, output, target, threshold);
    return countPairs(meant.cast("int32"), predicted.cast("int32"), 2);
  }
  const { predicted, meant, classes } = classesOf(who, output, target);
  return countPairs(meant.reshape([meant.size]), predicted.reshape([predicted.size]), classes);
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

function countPairs(meant: Tensor, predicted: Tensor, classes: number): Tensor {
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

export { meanAbsoluteError, meanSquaredError } from "./losses.ts";

/** The root of the mean squared error over all elements. Throws ShapeError unless the shapes are equal. */
export const rootMeanSquaredError: CountingMetric = counting(
  (output: Tensor, target: Tensor): Tensor => {
    const [p, t] = pair("rootMeanSquaredError", output, target);
    const error = p.sub(t);
    return stack([error.mul(error).sum().cast("float64"), tensor(p.size, { dtype: "float64" })]);
  },
  (sums) => sqrt(sums.at(0).div(sums.at(1))),
);
