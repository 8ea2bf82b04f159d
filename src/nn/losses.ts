/** @file Losses: how far predictions are from targets, as one number, the mean over the batch, with Keras' names and constants. */
import { isFloat } from "../ir/dtype.ts";
import { ArgumentError, DTypeError, ShapeError, complaint } from "../base/errors.ts";
import { formatShape, sameShape } from "../ir/shape.ts";
import type { Tensor } from "../ir/tensor.ts";
import { requireTensor } from "../ops/bind.ts";
import { flag, kind, positive } from "../base/kinds.ts";
import { type Kind, type OptionsOf, optional, schema } from "../base/options.ts";
import { logicalAnd, where, logicalOr } from "../ops/index.ts";

/** Smallest probability whose logarithm is taken, Keras' epsilon. */
const epsilon = 1e-7;

/**
 * Prediction and target of one shape, int32 and bool targets as numbers of the prediction's dtype. Throws ShapeError unless
 * the shapes are equal, since broadcasting would average over pairs that do not belong together.
 */
export function pair(who: string, prediction: Tensor, target: Tensor): [Tensor, Tensor] {
  requireFloat(`${who}: prediction`, prediction);
  requireTensor(`${who}: target`, target);
  if (!sameShape(prediction.shape, target.shape))
    throw new ShapeError(
      complaint(
        who,
        "prediction and target of one shape",
        `${formatShape(prediction.shape)} and ${formatShape(target.shape)}`,
        "Reshape one of them: broadcasting would average over pairs that do not belong together.",
      ),
    );
  return [prediction, isFloat(target.dtype) ? target : target.cast(prediction.dtype)];
}

/** Throws unless the value is a tensor of floats. */
function requireFloat(who: string, value: unknown): Tensor {
  const tensor = requireTensor(who, value);
  if (!isFloat(tensor.dtype))
    throw new DTypeError(complaint(who, "a float tensor", tensor.dtype, 'Use cast("float32").'));
  return tensor;
}

/** Throws ShapeError unless there is a last axis to compare along. */
function requireVectors(who: string, x: Tensor): void {
  if (x.rank === 0) throw new ShapeError(complaint(who, "vectors along the last axis", "a scalar"));
}

/**
 * Throws ArgumentError naming the first label outside [0, classes) and its index. Labels that are being traced have no values
 * yet and pass: losses are NaN where such a label turns out to lie outside.
 */
export function checkLabels(who: string, labels: Tensor, classes: number): void {
  const { elements } = labels;
  if (elements === undefined) return;
  for (let index = 0; index < elements.length; index++) {
    const label = elements[index]!;
    if (label < 0 || label >= classes)
      throw new ArgumentError(
        complaint(
          who,
          `labels in [0, ${classes}), one of ${classes} classes`,
          `${label} at index ${index}`,
          "Labels count from 0; the prediction's last extent is the number of classes.",
        ),
      );
  }
}

// Cross entropies: what a classifier is trained with.

const share = kind(
  "a number in [0, 1)",
  (given) => typeof given === "number" && given >= 0 && given < 1,
) as Kind<number>;

const crossEntropyOptions = schema({
  fromLogits: optional(
    flag,
    true,
    "Whether predictions are logits, or probabilities, which are clipped to [1e-7, 1 - 1e-7] as in Keras.",
  ),
  labelSmoothing: optional(
    share,
    0,
    "Share of every target that is spread evenly over the classes (Szegedy et al. 2015, section 7).",
  ),
});

/** Options of the cross entropies: `fromLogits` (true) and `labelSmoothing` (0). */
export type CrossEntropyOptions = OptionsOf<typeof crossEntropyOptions.spec>;

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
  const { fromLogits, labelSmoothing } = crossEntropyOptions.read(who, options);
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
  const { fromLogits, labelSmoothing } = crossEntropyOptions.read(who, options);
  const [x, given] = pair(who, prediction, target);
  const t = labelSmoothing === 0 ? given : given.mul(1 - labelSmoothing).add(labelSmoothing / 2);
  const rest = t.neg().add(1);
  if (fromLogits)
    // Two softplus, each small where its share of the loss is: nothing cancels, and the slope at 0 is right.
    return t.mul(x.neg().softplus()).add(rest.mul(x.softplus())).mean();
  const p = x.clip(epsilon, 1 - epsilon);
  return t.mul(p.log()).add(rest.mul(p.neg().log1p())).mean().neg();
}

// Losses of numbers.

/** Mean of (prediction - target)² over all elements, a scalar. Throws ShapeError unless the shapes are equal: nothing is broadcast. */
export function meanSquaredError(prediction: Tensor, target: Tensor): Tensor {
  const error = difference("meanSquaredError", prediction, target);
  return error.mul(error).mean();
}

/** Mean of |prediction - target| over all elements, a scalar. Throws ShapeError unless the shapes are equal. */
export function meanAbsoluteError(prediction: Tensor, target: Tensor): Tensor {
  return difference("meanAbsoluteError", prediction, target).abs().mean();
}

/** Mean of 100 |prediction - target| / max(|target|, 1e-7), in percent. Throws ShapeError unless the shapes are equal. */
export function meanAbsolutePercentageError(prediction: Tensor, target: Tensor): Tensor {
  const [p, t] = pair("meanAbsolutePercentageError", prediction, target);
  return p.sub(t).div(t.abs().maximum(epsilon)).abs().mean().mul(100);
}

/** Mean of (log(1 + prediction) - log(1 + target))², both taken as at least 1e-7. Throws ShapeError unless the shapes are equal. */
export function meanSquaredLogarithmicError(prediction: Tensor, target: Tensor): Tensor {
  const [p, t] = pair("meanSquaredLogarithmicError", prediction, target);
  const error = p.maximum(epsilon).log1p().sub(t.maximum(epsilon).log1p());
  return error.mul(error).mean();
}

/**
 * Mean over all elements of e²/2 where |e| <= delta and delta (|e| - delta/2) beyond, for e = prediction - target
 * (Huber 1964, eq. 2.6): quadratic near zero, and deaf to outliers. Throws ShapeError unless the shapes are equal.
 */
export function huber(prediction: Tensor, target: Tensor, delta = 1): Tensor {
  positive.read("huber: delta", delta, ArgumentError);
  const error = difference("huber", prediction, target);
  const size = error.abs();
  return where(
    size.lessEqual(delta),
    error.mul(error).mul(0.5),
    size.sub(delta / 2).mul(delta),
  ).mean();
}

/** Mean of log cosh(prediction - target): e²/2 near zero, |e| - log 2 far away, smooth between. Throws ShapeError unless the shapes are equal. */
export function logCosh(prediction: Tensor, target: Tensor): Tensor {
  const e = difference("logCosh", prediction, target);
  const size = e.abs();
  // log cosh e = log(1 + 2 sinh²(e/2)), which does not cancel near 0; beyond 1 the other form does not overflow.
  const near = where(size.less(1), e, 0);
  const half = near.mul(0.5).sinh();
  const far = where(size.less(1), 1, size);
  return where(
    size.less(1),
    half.mul(half).mul(2).log1p(),
    far.add(far.mul(-2).exp().log1p()).sub(Math.LN2),
  ).mean();
}

/** Mean of prediction - target log(prediction): counts whose mean is predicted (Poisson). Throws ShapeError unless the shapes are equal. */
export function poisson(prediction: Tensor, target: Tensor): Tensor {
  const [p, t] = pair("poisson", prediction, target);
  return p.sub(t.mul(p.add(epsilon).log())).mean();
}

function difference(who: string, prediction: Tensor, target: Tensor): Tensor {
  const [p, t] = pair(who, prediction, target);
  return p.sub(t);
}

// Hinge losses: nothing to learn from samples on the right side by a margin.

/** Mean of max(0, 1 - target · prediction); targets -1 and 1, or all of them 0 and 1. Throws ShapeError unless the shapes are equal. */
export function hinge(prediction: Tensor, target: Tensor): Tensor {
  return margin("hinge", prediction, target).mean();
}

/** Mean of max(0, 1 - target · prediction)²; targets as for `hinge`. Throws ShapeError unless the shapes are equal. */
export function squaredHinge(prediction: Tensor, target: Tensor): Tensor {
  const size = margin("squaredHinge", prediction, target);
  return size.mul(size).mean();
}

/**
 * Mean over the samples of max(0, 1 + the largest prediction of a wrong class - that of the right one); targets one-hot along
 * the last axis (Crammer and Singer 2001, section 3). Throws ShapeError unless the shapes are equal.
 */
export function categoricalHinge(prediction: Tensor, target: Tensor): Tensor {
  const [p, t] = pair("categoricalHinge", prediction, target);
  requireVectors("categoricalHinge", p);
  const right = p.mul(t).sum([-1]);
  const wrong = p.mul(t.neg().add(1)).max([-1]);
  return wrong.sub(right).add(1).relu().mean();
}

function margin(who: string, prediction: Tensor, target: Tensor): Tensor {
  const [p, t] = pair(who, prediction, target);
  // As in Keras: only where every target is 0 or 1 does 0 stand for -1.
  const binary = logicalOr(t.equal(0), t.equal(1)).all();
  const side = where(binary, t.mul(2).sub(1), t);
  return p.mul(side).neg().add(1).relu();
}

// Losses of whole vectors, along the last axis: distributions and directions.

/**
 * Mean over the samples of sum_k t_k log(t_k / p_k) (Kullback and Leibler 1951, eq. 2.4), distributions along the last axis,
 * both clipped to [1e-7, 1] as in Keras. Throws ShapeError unless the shapes are equal.
 */
export function kullbackLeibler(prediction: Tensor, target: Tensor): Tensor {
  const [p, t] = pair("kullbackLeibler", prediction, target);
  requireVectors("kullbackLeibler", p);
  const [a, b] = [t.clip(epsilon, 1), p.clip(epsilon, 1)];
  return a.mul(a.log().sub(b.log())).sum([-1]).mean();
}

/**
 * Minus the mean cosine of the angle between prediction and target along the last axis: -1 where they point the same way, as in
 * Keras. A zero vector is at right angles to everything. Throws ShapeError unless the shapes are equal.
 */
export function cosineSimilarity(prediction: Tensor, target: Tensor): Tensor {
  const [p, t] = pair("cosineSimilarity", prediction, target);
  requireVectors("cosineSimilarity", p);
  return unit(p).mul(unit(t)).sum([-1]).mean().neg();
}

/** x / |x|. Scaled by the largest element first, whose square then neither overflows nor vanishes. */
function unit(x: Tensor): Tensor {
  const largest = x.abs().max([-1], true).stopGradient();
  const scaled = x.div(where(largest.equal(0), 1, largest));
  const length = scaled.norm([-1], true);
  return scaled.div(where(length.equal(0), 1, length));
}

/** Every loss by its name. */
export const losses = {
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
} as const satisfies Readonly<Record<string, (prediction: Tensor, target: Tensor) => Tensor>>;

/** Names of the losses. */
export type LossName = keyof typeof losses;
