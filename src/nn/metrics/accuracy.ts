/** @file Shares of samples that were got right. */
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { isFinite, logicalAnd, where } from "../../ops/index.ts";
import { classesOf, sidesOf } from "./classes.ts";

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
  if (!Number.isInteger(k) || k < 1)
    throw new ArgumentError(complaint("topKAccuracy: k", "a positive integer", describe(k)));
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
