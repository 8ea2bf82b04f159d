/** @file Cross entropies: what a classifier is trained with. */
import { isFloat } from "../../ir/dtype.ts";
import { DTypeError, ShapeError, complaint } from "../../base/errors.ts";
import { checkOptions } from "../../base/options.ts";
import { formatShape, sameShape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { requireTensor } from "../../ops/bind.ts";
import { logicalAnd, where } from "../../ops/index.ts";
import { checkLabels } from "./labels.ts";
import { checkForm, epsilon, pair, requireFloat, requireVectors } from "./pair.ts";

/** Options of the cross entropies. */
export interface CrossEntropyOptions {
  /** Whether predictions are logits (the default) or probabilities, which are clipped to [1e-7, 1 - 1e-7] as in Keras. */
  readonly fromLogits?: boolean;
  /** Share of every target that is spread evenly over the classes (Szegedy et al. 2015, section 7): 0 unless given. */
  readonly labelSmoothing?: number;
}

const optionNames = ["fromLogits", "labelSmoothing"];

/**
 * Mean over the samples of -sum_k target_k log p_k (natural logarithm), a scalar; p is the softmax of the prediction's last
 * axis. Predictions [..., K]; targets int32 labels [...] in [0, K), or probabilities (one-hot, say) [..., K].
 * A label out of range is an ArgumentError where labels have values, and makes the loss NaN where they are traced.
 * Throws ShapeError and DTypeError for targets of any other kind.
 */
export function crossEntropy(
  prediction: Tensor,
  target: Tensor,
  options: CrossEntropyOptions = {},
): Tensor {
  const who = "crossEntropy";
  checkOptions(who, options, optionNames);
  const { fromLogits = true, labelSmoothing = 0 } = options;
  checkForm(who, fromLogits, labelSmoothing);
  requireFloat(`${who}: prediction`, prediction);
  requireTensor(`${who}: target`, target);
  requireVectors(`${who}: prediction`, prediction);
  const classes = prediction.shape.at(-1)!;
  const costs = (fromLogits ? prediction.logSoftmax(-1) : logOfProbabilities(prediction)).neg();
  const smoothed = (own: Tensor): Tensor =>
    labelSmoothing === 0
      ? own
      : own.mul(1 - labelSmoothing).add(costs.mean([-1]).mul(labelSmoothing));
  if (target.rank === prediction.rank - 1) {
    checkSparse(who, prediction, target);
    checkLabels(`${who}: target`, target, classes);
    const picked = target.oneHot(classes, { dtype: "bool" });
    const own = where(picked, costs, 0).sum([-1]);
    const inRange = logicalAnd(target.greaterEqual(0), target.less(classes));
    return smoothed(where(inRange, own, NaN)).mean();
  }
  if (!sameShape(prediction.shape, target.shape))
    throw new ShapeError(
      complaint(
        `${who}: target`,
        `labels ${formatShape(prediction.shape.slice(0, -1))} or probabilities ${formatShape(prediction.shape)}`,
        `shape ${formatShape(target.shape)}`,
      ),
    );
  const shares = isFloat(target.dtype) ? target : target.cast(prediction.dtype);
  // 0 log 0 is 0 here.
  return smoothed(where(shares.equal(0), 0, shares.mul(costs)).sum([-1])).mean();
}

function checkSparse(who: string, prediction: Tensor, target: Tensor): void {
  if (target.dtype !== "int32")
    throw new DTypeError(
      complaint(`${who}: target`, "int32 labels", target.dtype, 'Use cast("int32").'),
    );
  if (!sameShape(target.shape, prediction.shape.slice(0, -1)))
    throw new ShapeError(
      complaint(
        `${who}: target`,
        `labels ${formatShape(prediction.shape.slice(0, -1))} for predictions ${formatShape(prediction.shape)}`,
        formatShape(target.shape),
      ),
    );
}

function logOfProbabilities(prediction: Tensor): Tensor {
  const shares = prediction.div(prediction.sum([-1], true));
  return shares.clip(epsilon, 1 - epsilon).log();
}

/**
 * Mean over all elements of -(t log p + (1 - t) log(1 - p)), a scalar; p is the sigmoid of the prediction. Targets in [0, 1],
 * of the prediction's shape; `labelSmoothing` s makes them t (1 - s) + s/2. Throws ShapeError unless the shapes are equal.
 */
export function binaryCrossEntropy(
  prediction: Tensor,
  target: Tensor,
  options: CrossEntropyOptions = {},
): Tensor {
  const who = "binaryCrossEntropy";
  checkOptions(who, options, optionNames);
  const { fromLogits = true, labelSmoothing = 0 } = options;
  checkForm(who, fromLogits, labelSmoothing);
  const [x, given] = pair(who, prediction, target);
  const t = labelSmoothing === 0 ? given : given.mul(1 - labelSmoothing).add(labelSmoothing / 2);
  const rest = t.neg().add(1);
  if (fromLogits)
    // Two softplus, each small where its share of the loss is: nothing cancels, and the slope at 0 is right.
    return t.mul(x.neg().softplus()).add(rest.mul(x.softplus())).mean();
  const p = x.clip(epsilon, 1 - epsilon);
  return t.mul(p.log()).add(rest.mul(p.neg().log1p())).mean().neg();
}
