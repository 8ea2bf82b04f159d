/** @file Losses: how far predictions are from targets, as one number. */
import { ArgumentError, ShapeError, complaint, describe } from "../ir/errors.ts";
import { formatShape, sameShape } from "../ir/shape.ts";
import type { Tensor } from "../ir/tensor.ts";
import { requireTensor } from "../ops/bind.ts";
import { where } from "../ops/index.ts";

/** Mean of (prediction - target)² over all elements, a scalar. Throws ShapeError unless the shapes are equal: nothing is broadcast. */
export function meanSquaredError(prediction: Tensor, target: Tensor): Tensor {
  const error = difference("meanSquaredError", prediction, target);
  return error.mul(error).mean();
}

/** Mean of |prediction - target| over all elements, a scalar. Throws ShapeError unless the shapes are equal. */
export function meanAbsoluteError(prediction: Tensor, target: Tensor): Tensor {
  return difference("meanAbsoluteError", prediction, target).abs().mean();
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

/** Every loss by its name. */
export const losses: { readonly [name: string]: (prediction: Tensor, target: Tensor) => Tensor } = {
  meanSquaredError,
  meanAbsoluteError,
  huber,
};

function difference(who: string, prediction: Tensor, target: Tensor): Tensor {
  requireTensor(`${who}: prediction`, prediction);
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
  return prediction.sub(target);
}
