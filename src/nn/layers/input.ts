/** @file What layers ask of the tensors that come in, and of the axes they are told: shared so that all say it in the same words. */
import { type DType, isFloat } from "../../ir/dtype.ts";
import { ArgumentError, DTypeError, ShapeError, complaint, describe } from "../../base/errors.ts";
import { type Shape, formatShape, normalizeAxes } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { requireTensor } from "../../ops/bind.ts";

/** Throws DTypeError unless the input has the parameters' dtype. */
export function requireDType(who: string, x: Tensor, dtype: DType): void {
  if (x.dtype !== dtype)
    throw new DTypeError(
      complaint(
        who,
        `an input of its parameters' dtype, ${dtype}`,
        x.dtype,
        isFloat(x.dtype)
          ? `Use cast("${dtype}"), or make the layer with dtype: "${x.dtype}".`
          : `Use cast("${dtype}").`,
      ),
    );
}

/** Throws ShapeError unless the input has a batch axis and then so many others. */
export function requireRank(who: string, x: Tensor, sample: Shape): void {
  requireTensor(who, x);
  if (x.rank !== sample.length + 1)
    throw new ShapeError(
      complaint(
        who,
        `a batch of samples of shape ${formatShape(sample)}`,
        `shape ${formatShape(x.shape)}`,
        x.rank === sample.length ? "For a single sample use expandDims(0)." : undefined,
      ),
    );
}

/** Throws ShapeError unless the input's extents are those of the sample on some axes, the batch being axis 0. */
export function requireExtents(
  who: string,
  x: Tensor,
  sample: Shape,
  axes: readonly number[],
): void {
  if (axes.some((axis) => x.shape[axis] !== sample[axis - 1]))
    throw new ShapeError(
      complaint(
        who,
        `samples with the extents of ${formatShape(sample)} on axis ${axes.join(", ")}`,
        formatShape(x.shape.slice(1)),
      ),
    );
}

/**
 * Axes of the input as Keras counts them, the batch being axis 0, sorted and from the front. Throws ArgumentError for axes
 * that are not there, and for the batch's: samples must not depend on one another.
 */
export function sampleAxes(
  who: string,
  axis: number | readonly number[],
  sample: Shape,
): readonly number[] {
  if (!Number.isInteger(axis) && !(Array.isArray(axis) && axis.length > 0))
    throw new ArgumentError(
      complaint(`${who}: axis`, "an axis, or an array of axes", describe(axis)),
    );
  const axes = normalizeAxes(`${who}: axis`, axis, sample.length + 1);
  if (axes.includes(0))
    throw new ArgumentError(
      complaint(
        `${who}: axis`,
        "axes of a sample (the first is 1)",
        "0, the batch",
        "Samples must not depend on one another.",
      ),
    );
  return axes;
}

/** Throws ArgumentError unless the option is a boolean or left out. */
export function checkFlag(who: string, value: unknown): void {
  if (value !== undefined && typeof value !== "boolean")
    throw new ArgumentError(complaint(who, "true or false", describe(value)));
}

/** Throws ArgumentError unless the value is a finite number, and at least `least`. */
export function checkNumber(who: string, value: unknown, least: number = -Infinity): void {
  if (!Number.isFinite(value) || (value as number) < least)
    throw new ArgumentError(
      complaint(
        who,
        least === -Infinity ? "a finite number" : `a finite number of at least ${least}`,
        describe(value),
      ),
    );
}
