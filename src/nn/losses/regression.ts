/** @file Losses of numbers: how far predictions are from targets, with Keras' names and constants. */
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { where } from "../../ops/index.ts";
import { epsilon, pair } from "./pair.ts";

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
  if (!(typeof delta === "number" && delta > 0))
    throw new ArgumentError(complaint("huber: delta", "a positive number", describe(delta)));
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
