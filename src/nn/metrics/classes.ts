/** @file Classes predicted and meant, whatever form they come in. */
import { isFloat } from "../../ir/dtype.ts";
import { ArgumentError, DTypeError, ShapeError, complaint, describe } from "../../base/errors.ts";
import { formatShape, sameShape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { requireTensor } from "../../ops/bind.ts";
import { checkLabels } from "../losses/labels.ts";

/**
 * int32 classes of outputs [..., K] (scores, of which the largest counts) and of targets: int32 labels [...], or one-hot or
 * probabilities [..., K]. Throws ShapeError, DTypeError, and ArgumentError for labels out of range where they have values.
 */
export function classesOf(
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
export function sidesOf(
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
