/** @file Layers that put elements elsewhere: other shapes and orders of axes, parts of samples, borders, enlarged images. */
import { ArgumentError, ShapeError, complaint } from "../../base/errors.ts";
import { finite, oneOf } from "../../base/kinds.ts";
import { optional, required } from "../../base/options.ts";
import { type Shape, formatShape, sizeOf } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { requireTensor } from "../../ops/bind.ts";
import { composite } from "../../ops/composite.ts";
import { tensor } from "../../ops/index.ts";
import { type OptionsFor, factory, layer } from "../declare.ts";
import {
  axisOrder,
  borders,
  channelsLast,
  pair,
  perAxis,
  targetExtents,
  widths,
} from "../kinds.ts";
import { imageShape, requireImages, requireRank } from "./checks.ts";

const dataFormat = optional(channelsLast, "channelsLast", "The order of axes: no other one.");

/** The elements of each sample in a row, the last axis fastest: rows, then columns, then channels. */
export class Flatten extends layer(
  "flatten",
  { dataFormat },
  {
    outputShape: (_, shape): Shape => [sizeOf(shape)],
  },
) {
  /** x [batch, ...] -> [batch, elements of a sample]. */
  forward(x: Tensor): Tensor {
    const [batch = 1, ...sample] = requireTensor(this.label, x).shape;
    return x.reshape([batch, sizeOf(sample)]);
  }
}

/** Options of `flatten`. */
export type FlattenOptions = OptionsFor<typeof Flatten>;

/** Samples as vectors: `flatten()`, between convolutions and dense layers. */
export const flatten = factory(Flatten);

/** The shape that samples get. Throws ShapeError naming the layer if their elements do not fill it. */
function filled(label: string, targetShape: Shape, sample: Shape): Shape {
  const size = sizeOf(sample);
  const unknown = targetShape.indexOf(-1);
  const shape = [...targetShape];
  if (unknown >= 0) shape[unknown] = size / -sizeOf(targetShape);
  if (!shape.every(Number.isInteger) || sizeOf(shape) !== size)
    throw new ShapeError(
      complaint(
        label,
        `samples whose elements fill ${formatShape(targetShape)}`,
        `${size} elements, shape ${formatShape(sample)}`,
      ),
    );
  return shape;
}

/** The elements of each sample in another shape, in the same order. */
export class Reshape extends layer(
  "reshape",
  {
    targetShape: required(targetExtents, "Shape of an output sample; -1 is worked out."),
  },
  { outputShape: ({ label, targetShape }, shape) => filled(label, targetShape, shape) },
) {
  /** x [batch, ...] -> [batch, ...targetShape]. Throws ShapeError if the elements do not fill it. */
  forward(x: Tensor): Tensor {
    const [batch = 1, ...sample] = requireTensor(this.label, x).shape;
    return x.reshape([batch, ...filled(this.label, this.targetShape, sample)]);
  }
}

/** Options of `reshape`, with Keras' names. */
export type ReshapeOptions = OptionsFor<typeof Reshape>;

/**
 * Samples in another shape: `reshape({ targetShape: [7, 7, -1] })`. Throws ArgumentError for a target that is not a shape,
 * ShapeError for samples that do not fill it.
 */
export const reshape = factory(Reshape);

/** The axes of each sample in another order. */
export class Permute extends layer(
  "permute",
  {
    dims: required(axisOrder, "The input axis that each output axis is, counted from 1."),
  },
  {
    outputShape({ label, dims }, shape) {
      if (shape.length !== dims.length)
        throw new ShapeError(
          complaint(
            `${label}: inputShape`,
            `${dims.length} axes, as many as dims`,
            formatShape(shape),
          ),
        );
      return dims.map((axis) => shape[axis - 1]!);
    },
  },
) {
  /** x [batch, ...] -> the same with the other axes in another order. Throws ShapeError naming the layer. */
  forward(x: Tensor): Tensor {
    requireRank(this.label, x, this.inputShape ?? this.dims);
    return x.transpose([0, ...this.dims]);
  }
}

/** Options of `permute`, with Keras' names. */
export type PermuteOptions = OptionsFor<typeof Permute>;

/** The axes of samples in another order: `permute({ dims: [2, 3, 1] })` brings channels last. Throws ArgumentError for dims that are not an order of axes. */
export const permute = factory(Permute);

/** The elements of each sample from `starts` to `stops` in `steps`. */
export class Slice extends layer(
  "slice",
  {
    starts: required(perAxis(0), "The first element taken, for each axis of a sample."),
    stops: required(perAxis(0), "The first element not taken any more, or beyond the end."),
    steps: optional(perAxis(1), undefined, "Distance of what is taken: 1 unless given."),
  },
  {
    check({ starts, stops, steps = starts }, who) {
      if (stops.length !== starts.length || steps.length !== starts.length)
        throw new ArgumentError(
          complaint(
            who,
            "as many stops and steps as starts",
            `${starts.length} starts, ${stops.length} stops and ${steps.length} steps`,
          ),
        );
    },
    outputShape({ label, starts, stops, steps }, sample) {
      const shape = sample.map((extent, axis) =>
        Math.ceil(
          (Math.min(stops[axis] ?? 0, extent) - (starts[axis] ?? 0)) / (steps?.[axis] ?? 1),
        ),
      );
      if (sample.length !== starts.length || shape.some((extent) => extent < 1))
        throw new ShapeError(
          complaint(
            label,
            `samples of ${starts.length} axes, longer than ${formatShape(starts)}`,
            formatShape(sample),
          ),
        );
      return shape;
    },
  },
) {
  /** x [batch, ...] -> a part of every sample. Throws ShapeError for other ranks. */
  forward(x: Tensor): Tensor {
    requireRank(this.label, x, this.starts);
    const steps = this.steps ?? this.starts.map(() => 1);
    return x.slice([0, ...this.starts], [undefined, ...this.stops], [1, ...steps]);
  }
}

/** Options of `slice`: one number for each axis of a sample, the batch left out. */
export type SliceOptions = OptionsFor<typeof Slice>;

/**
 * Part of each sample: `slice({ starts: [0, 0, 8], stops: [28, 28, 16] })` takes eight of the channels. Throws ArgumentError for
 * options it does not know or cannot use, ShapeError where nothing would be left.
 */
export const slice = factory(Slice);

/** Samples with a border of one value. */
export class Pad extends layer(
  "pad",
  {
    padding: required(widths, "[before, after] for each axis of a sample, the batch left out."),
    value: optional(finite, 0, "What is put there."),
  },
  {
    outputShape({ label, padding }, shape) {
      if (shape.length !== padding.length)
        throw new ShapeError(
          complaint(
            `${label}: inputShape`,
            `${padding.length} axes, as many as padding has`,
            formatShape(shape),
          ),
        );
      return shape.map((extent, axis) => padding[axis]![0] + extent + padding[axis]![1]);
    },
  },
) {
  /** x [batch, ...] -> the same with a border. Throws ShapeError for other ranks. */
  forward(x: Tensor): Tensor {
    requireRank(this.label, x, this.inputShape ?? this.padding.map(([before]) => before));
    return x.pad([0, ...this.padding], this.value);
  }
}

/** Options of `pad`. */
export type PadOptions = OptionsFor<typeof Pad>;

/** Samples with a border: `pad({ padding: [[0, 0], [0, 0], [8, 8]] })` adds channels. Throws ArgumentError for other paddings. */
export const pad = factory(Pad);

/** Images with zeros around. */
export class ZeroPadding2d extends layer(
  "zeroPadding2d",
  {
    padding: optional(borders, 1, "Rows and columns at the borders."),
    dataFormat,
  },
  {
    outputShape({ label, padding }, shape) {
      const [rows, columns, channels] = imageShape(label, shape);
      const [[top, bottom], [left, right]] = padding;
      return [top + rows + bottom, left + columns + right, channels];
    },
  },
) {
  /** x [batch, rows, columns, channels] -> the same with zeros around. Throws ShapeError naming the layer. */
  forward(x: Tensor): Tensor {
    return requireImages(this.label, x, this.inputShape?.[2]).pad([0, ...this.padding, 0]);
  }
}

/** Options of `zeroPadding2d`, with Keras' names and defaults. */
export type ZeroPadding2dOptions = OptionsFor<typeof ZeroPadding2d>;

/** Images with zeros around: `zeroPadding2d({ padding: [[0, 1], [0, 1]] })`. Throws ArgumentError for other paddings. */
export const zeroPadding2d = factory(ZeroPadding2d);

/** Rows and columns that are left. Throws ShapeError naming the layer if none are. */
function cropped(
  { label, cropping }: { label: string; cropping: (typeof Cropping2d.prototype)["cropping"] },
  shape: Shape,
): [number, number, number] {
  const [rows, columns, channels] = imageShape(label, shape);
  const [[top, bottom], [left, right]] = cropping;
  if (top + bottom >= rows || left + right >= columns)
    throw new ShapeError(
      complaint(
        label,
        `images larger than what is cut off, ${top + bottom} rows and ${left + right} columns`,
        `${rows} x ${columns}`,
      ),
    );
  return [rows - top - bottom, columns - left - right, channels];
}

/** Images without some rows and columns at their borders. */
export class Cropping2d extends layer(
  "cropping2d",
  {
    cropping: optional(borders, 0, "Rows and columns at the borders."),
    dataFormat,
  },
  { outputShape: (of, shape): Shape => cropped(of, shape) },
) {
  /** x [batch, rows, columns, channels] -> the same without borders. Throws ShapeError naming the layer. */
  forward(x: Tensor): Tensor {
    const [, ...image] = requireImages(this.label, x, this.inputShape?.[2]).shape;
    const [rows, columns] = cropped(this, image);
    const [[top], [left]] = this.cropping;
    return x.slice([0, top, left], [undefined, top + rows, left + columns]);
  }
}

/** Options of `cropping2d`, with Keras' names and defaults. */
export type Cropping2dOptions = OptionsFor<typeof Cropping2d>;

/**
 * Images without their borders: `cropping2d({ cropping: [[2, 2], [4, 4]] })`. Throws ArgumentError for other croppings,
 * ShapeError if nothing is left.
 */
export const cropping2d = factory(Cropping2d);

/** Images enlarged by whole factors. */
export class UpSampling2d extends layer(
  "upSampling2d",
  {
    size: optional(pair(1), 2, "Factors of rows and columns."),
    interpolation: optional(
      oneOf(["nearest", "bilinear"]),
      "nearest",
      "Pixels repeated, or straight lines between their centres.",
    ),
    dataFormat,
  },
  {
    outputShape({ label, size }, shape) {
      const [rows, columns, channels] = imageShape(label, shape);
      return [rows * size[0], columns * size[1], channels];
    },
  },
) {
  /** x [batch, rows, columns, channels] -> [batch, size rows, size columns, channels]. Throws ShapeError naming the layer. */
  forward(x: Tensor): Tensor {
    requireImages(this.label, x, this.inputShape?.[2]);
    const { size, interpolation } = this;
    const enlarge = interpolation === "nearest" ? repeated : interpolated;
    return composite("upSampling2d", { size, interpolation }, [x], (images) =>
      enlarge(enlarge(images, size[0], 1), size[1], 2),
    );
  }
}

/** Each element along an axis `times` times. */
function repeated(x: Tensor, times: number, axis: number): Tensor {
  return times === 1 ? x : x.repeat(times, axis);
}

/**
 * Straight lines between the elements along an axis, the first and last continuing beyond themselves. Element i lies at
 * i + 1/2, and the j-th of the `times` results that it makes way for at i + (j + 1/2) / times: between i - 1 and i in the first
 * half of them, between i and i + 1 in the second.
 */
function interpolated(x: Tensor, times: number, axis: number): Tensor {
  if (times === 1) return x;
  const extent = x.shape[axis]!;
  const part = (from: number, to: number): Tensor =>
    x.slice(boundAt(axis, from), boundAt(axis, to));
  const before = part(0, 1).concat(part(0, extent - 1), axis);
  const after = part(1, extent).concat(part(extent - 1, extent), axis);
  const offsets = Array.from({ length: times }, (_, j) => (j + 0.5) / times - 0.5);
  const between = x.shape.toSpliced(axis + 1, 0, 1);
  const weights = (weigh: (offset: number) => number): Tensor =>
    tensor(offsets.map(weigh), {
      dtype: x.dtype,
      shape: between.map((_, i) => (i === axis + 1 ? times : 1)),
    });
  return before
    .reshape(between)
    .mul(weights((offset) => Math.max(0, -offset)))
    .add(x.reshape(between).mul(weights((offset) => 1 - Math.abs(offset))))
    .add(after.reshape(between).mul(weights((offset) => Math.max(0, offset))))
    .reshape(x.shape.with(axis, extent * times));
}

function boundAt(axis: number, bound: number): (number | undefined)[] {
  return Array.from({ length: axis + 1 }, (_, i) => (i === axis ? bound : undefined));
}

/** Options of `upSampling2d`, with Keras' names and defaults. */
export type UpSampling2dOptions = OptionsFor<typeof UpSampling2d>;

/**
 * Images enlarged by whole factors: `upSampling2d({ size: 2, interpolation: "bilinear" })`. Bilinear is TensorFlow's and
 * PyTorch's, with pixels as areas (half-pixel centres). Throws ArgumentError for options it does not know or cannot use.
 */
export const upSampling2d = factory(UpSampling2d);
