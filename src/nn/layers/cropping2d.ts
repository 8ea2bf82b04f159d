/** @file Images without their borders. */
import type { Pair } from "../../ir/conv.ts";
import { ShapeError, complaint } from "../../base/errors.ts";
import type { Shape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { Layer, type LayerOptions, checkOptions } from "../layer.ts";
import {
  type ImageOptions,
  type PairOption,
  bordersOf,
  checkDataFormat,
  imageShape,
  requireImages,
} from "./image.ts";

/** Options of `cropping2d`, with Keras' names and defaults. */
export interface Cropping2dOptions extends LayerOptions, ImageOptions {
  /** Rows and columns on every side, [rows, columns], or [[top, bottom], [left, right]]: 0 unless given. */
  readonly cropping?: PairOption | readonly [Pair, Pair];
}

/** Images without some rows and columns at their borders. */
export class Cropping2d extends Layer {
  /** [[top, bottom], [left, right]] */
  readonly cropping: readonly [Pair, Pair];

  constructor(options: Cropping2dOptions = {}) {
    checkOptions("cropping2d", options, ["cropping", "dataFormat"]);
    super(options);
    checkDataFormat(this.label, options.dataFormat);
    this.cropping = bordersOf(`${this.label}: cropping`, options.cropping ?? 0);
    if (options.inputShape !== undefined) this.grow(options.inputShape);
  }

  get kind(): string {
    return "cropping2d";
  }

  protected make(inputShape: Shape): Shape {
    const [rows, columns, channels] = imageShape(this.label, inputShape);
    const [[top, bottom], [left, right]] = this.cropping;
    if (top + bottom >= rows || left + right >= columns)
      throw new ShapeError(
        complaint(
          this.label,
          `images larger than what is cut off, ${top + bottom} rows and ${left + right} columns`,
          `${rows} x ${columns}`,
        ),
      );
    return [rows - top - bottom, columns - left - right, channels];
  }

  /** x [batch, rows, columns, channels] -> the same without borders. ShapeError names the layer. */
  forward(x: Tensor): Tensor {
    const [, ...image] = requireImages(this.label, x, this.inputShape?.[2]).shape;
    const [rows, columns] = this.make(image) as [number, number];
    const [[top], [left]] = this.cropping;
    return x.slice([0, top, left], [undefined, top + rows, left + columns]);
  }
}

/**
 * Images without their borders: `cropping2d({ cropping: [[2, 2], [4, 4]] })`. Throws ArgumentError for other croppings,
 * ShapeError if nothing is left.
 */
export function cropping2d(options: Cropping2dOptions = {}): Cropping2d {
  return new Cropping2d(options);
}
