/** @file What layers ask of the tensors that come in, and of the axes they are told: shared so that all say it in the same words. */
import { ArgumentError, DTypeError, ShapeError, complaint, describe } from "../../base/errors.ts";
import { type Pair, windowCount } from "../../ir/conv.ts";
import { type DType, isFloat } from "../../ir/dtype.ts";
import { type Shape, formatShape, normalizeAxes } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { requireTensor } from "../../ops/bind.ts";
import type { PaddingOption } from "../kinds.ts";

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

/** Throws ShapeError unless the input has a batch axis and then as many axes as the sample. */
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

/** [rows, columns, channels] of a sample. Throws ShapeError for other ranks and empty images. */
export function imageShape(who: string, shape: Shape): [number, number, number] {
  if (shape.length !== 3 || shape.some((extent) => extent < 1))
    throw new ShapeError(
      complaint(
        `${who}: inputShape`,
        "[rows, columns, channels], each at least 1",
        formatShape(shape),
        shape.length === 2 ? `Use [${shape.join(", ")}, 1] for images of one channel.` : undefined,
      ),
    );
  return [...shape] as [number, number, number];
}

/** The batch of images; throws ShapeError for other ranks and, if they are given, for another number of channels. */
export function requireImages(who: string, x: Tensor, channels?: number): Tensor {
  requireTensor(who, x);
  if (x.rank !== 4 || (channels !== undefined && x.shape[3] !== channels))
    throw new ShapeError(
      complaint(
        who,
        `images [batch, rows, columns, ${channels ?? "channels"}]`,
        `shape ${formatShape(x.shape)}`,
        x.rank === 3 ? "For a single image use expandDims(0)." : undefined,
      ),
    );
  return x;
}

/** How windows lie on images. */
export interface Windows {
  /** Extent of a window. */
  readonly window: Pair;
  readonly strides: Pair;
  readonly padding: PaddingOption;
  readonly dilation?: Pair;
}

/** Rows and columns of windows that fit an image: ceil(extent / stride) with "same". ShapeError if none fits. */
export function windowsIn(
  who: string,
  [rows, columns]: readonly [number, number, ...number[]],
  { window, strides, padding, dilation = [1, 1] }: Windows,
): [number, number] {
  const count = (extent: number, axis: 0 | 1): number =>
    padding === "same"
      ? Math.ceil(extent / strides[axis])
      : windowCount(
          extent,
          window[axis],
          strides[axis],
          padding === "valid" ? [0, 0] : padding[axis],
          dilation[axis],
        );
  const counts: [number, number] = [count(rows, 0), count(columns, 1)];
  if (counts.includes(0))
    throw new ShapeError(
      complaint(
        who,
        `images of at least ${dilation[0] * (window[0] - 1) + 1} x ${dilation[1] * (window[1] - 1) + 1}, which its window covers`,
        `${rows} x ${columns}`,
        `Use padding: "same", a smaller window, or fewer layers that shrink the image before it.`,
      ),
    );
  return counts;
}
