/** @file What all losses ask of their arguments. */
import { isFloat } from "../../ir/dtype.ts";
import { ArgumentError, DTypeError, ShapeError, complaint, describe } from "../../base/errors.ts";
import { formatShape, sameShape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { requireTensor } from "../../ops/bind.ts";

/** Smallest probability whose logarithm is taken, Keras' epsilon. */
export const epsilon = 1e-7;

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
export function requireFloat(who: string, value: unknown): Tensor {
  const tensor = requireTensor(who, value);
  if (!isFloat(tensor.dtype))
    throw new DTypeError(complaint(who, "a float tensor", tensor.dtype, 'Use cast("float32").'));
  return tensor;
}

/** Throws ArgumentError for options of the cross entropies that make no sense. */
export function checkForm(who: string, fromLogits: unknown, labelSmoothing: unknown): void {
  if (typeof fromLogits !== "boolean")
    throw new ArgumentError(complaint(`${who}: fromLogits`, "true or false", describe(fromLogits)));
  if (!(typeof labelSmoothing === "number" && labelSmoothing >= 0 && labelSmoothing < 1))
    throw new ArgumentError(
      complaint(`${who}: labelSmoothing`, "a number in [0, 1)", describe(labelSmoothing)),
    );
}

/** Throws ShapeError unless there is a last axis to compare along. */
export function requireVectors(who: string, x: Tensor): void {
  if (x.rank === 0) throw new ShapeError(complaint(who, "vectors along the last axis", "a scalar"));
}
