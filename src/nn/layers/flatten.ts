/** @file Samples of any shape as vectors. */
import { type Shape, sizeOf } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { requireTensor } from "../../ops/bind.ts";
import { Layer, type LayerOptions, checkOptions } from "../layer.ts";
import { type ImageOptions, checkDataFormat } from "./image.ts";

/** Options of `flatten`. */
export interface FlattenOptions extends LayerOptions, ImageOptions {}

/** The elements of each sample in a row, the last axis fastest: rows, then columns, then channels. */
export class Flatten extends Layer {
  constructor(options: FlattenOptions = {}) {
    checkOptions("flatten", options, ["dataFormat"]);
    super(options);
    checkDataFormat(this.label, options.dataFormat);
    if (options.inputShape !== undefined) this.grow(options.inputShape);
  }

  get kind(): string {
    return "flatten";
  }

  protected make(inputShape: Shape): Shape {
    return [sizeOf(inputShape)];
  }

  /** x [batch, ...] -> [batch, elements of a sample]. */
  forward(x: Tensor): Tensor {
    const [batch = 1, ...sample] = requireTensor(this.label, x).shape;
    return x.reshape([batch, sizeOf(sample)]);
  }
}

/** Samples as vectors: `flatten()`, between convolutions and dense layers. */
export function flatten(options: FlattenOptions = {}): Flatten {
  return new Flatten(options);
}
