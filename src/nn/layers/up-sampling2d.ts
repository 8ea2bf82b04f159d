/** @file Images enlarged by whole factors. */
import type { Pair } from "../../ir/conv.ts";
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import type { Shape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { tensor } from "../../ops/index.ts";
import { Layer, type LayerOptions, checkOptions } from "../layer.ts";
import {
  type ImageOptions,
  type PairOption,
  checkDataFormat,
  imageShape,
  pairOf,
  requireImages,
} from "./image.ts";

/** Options of `upSampling2d`, with Keras' names and defaults. */
export interface UpSampling2dOptions extends LayerOptions, ImageOptions {
  /** Factors of rows and columns: 2 unless given. */
  readonly size?: PairOption;
  /** Each pixel repeated (`nearest`, unless given), or straight lines between the centres of pixels (`bilinear`). */
  readonly interpolation?: "nearest" | "bilinear";
}

/** Images enlarged by whole factors. */
export class UpSampling2d extends Layer {
  readonly size: Pair;
  readonly interpolation: "nearest" | "bilinear";

  constructor(options: UpSampling2dOptions = {}) {
    checkOptions("upSampling2d", options, ["size", "interpolation", "dataFormat"]);
    super(options);
    checkDataFormat(this.label, options.dataFormat);
    this.size = pairOf(`${this.label}: size`, options.size ?? 2, 1);
    const interpolation = options.interpolation ?? "nearest";
    if (interpolation !== "nearest" && interpolation !== "bilinear")
      throw new ArgumentError(
        complaint(
          `${this.label}: interpolation`,
          `"nearest" or "bilinear"`,
          describe(interpolation),
        ),
      );
    this.interpolation = interpolation;
    if (options.inputShape !== undefined) this.grow(options.inputShape);
  }

  get kind(): string {
    return "upSampling2d";
  }

  protected make(inputShape: Shape): Shape {
    const [rows, columns, channels] = imageShape(this.label, inputShape);
    return [rows * this.size[0], columns * this.size[1], channels];
  }

  /** x [batch, rows, columns, channels] -> [batch, size rows, size columns, channels]. ShapeError names the layer. */
  forward(x: Tensor): Tensor {
    requireImages(this.label, x, this.inputShape?.[2]);
    const enlarge = this.interpolation === "nearest" ? repeated : interpolated;
    return enlarge(enlarge(x, this.size[0], 1), this.size[1], 2);
  }
}

/** Each element along an axis so many times. */
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
  const part = (from: number, to: number): Tensor => x.slice(bounds(axis, from), bounds(axis, to));
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

function bounds(axis: number, bound: number): (number | undefined)[] {
  return Array.from({ length: axis + 1 }, (_, i) => (i === axis ? bound : undefined));
}

/**
 * Images enlarged by whole factors: `upSampling2d({ size: 2, interpolation: "bilinear" })`. Bilinear is TensorFlow's and
 * PyTorch's, with pixels as areas (half-pixel centres). Throws ArgumentError for options it does not know or cannot use.
 */
export function upSampling2d(options: UpSampling2dOptions = {}): UpSampling2d {
  return new UpSampling2d(options);
}
