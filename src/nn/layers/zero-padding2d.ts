/** @file Zeros around images. */
import type { Pair } from "../../ir/conv.ts";
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

/** Options of `zeroPadding2d`, with Keras' names and defaults. */
export interface ZeroPadding2dOptions extends LayerOptions, ImageOptions {
  /** Rows and columns on every side, [rows, columns], or [[top, bottom], [left, right]]: 1 unless given. */
  readonly padding?: PairOption | readonly [Pair, Pair];
}

/** Images with zeros around. */
export class ZeroPadding2d extends Layer {
  /** [[top, bottom], [left, right]] */
  readonly padding: readonly [Pair, Pair];

  constructor(options: ZeroPadding2dOptions = {}) {
    checkOptions("zeroPadding2d", options, ["padding", "dataFormat"]);
    super(options);
    checkDataFormat(this.label, options.dataFormat);
    this.padding = bordersOf(`${this.label}: padding`, options.padding ?? 1);
    if (options.inputShape !== undefined) this.grow(options.inputShape);
  }

  get kind(): string {
    return "zeroPadding2d";
  }

  protected make(inputShape: Shape): Shape {
    const [rows, columns, channels] = imageShape(this.label, inputShape);
    const [[top, bottom], [left, right]] = this.padding;
    return [top + rows + bottom, left + columns + right, channels];
  }

  /** x [batch, rows, columns, channels] -> the same with zeros around. ShapeError names the layer. */
  forward(x: Tensor): Tensor {
    return requireImages(this.label, x, this.inputShape?.[2]).pad([0, ...this.padding, 0]);
  }
}

/** Zeros around images: `zeroPadding2d({ padding: [[0, 1], [0, 1]] })`, one pixel all round unless given. Throws ArgumentError for other paddings. */
export function zeroPadding2d(options: ZeroPadding2dOptions = {}): ZeroPadding2d {
  return new ZeroPadding2d(options);
}
