/** @file The largest element of each window of an image. */
import type { Tensor } from "../../ir/tensor.ts";
import * as ops from "../../ops/index.ts";
import { PoolLayer, type PoolOptions } from "./pool-layer.ts";

/** The largest element of each window, channel by channel. Padding never wins. */
export class MaxPool2d extends PoolLayer {
  constructor(options: PoolOptions = {}) {
    super("maxPool2d", options);
  }

  get kind(): string {
    return "maxPool2d";
  }

  override get className(): string {
    return "MaxPooling2D";
  }

  protected pool(x: Tensor, windows: Parameters<typeof ops.maxPool2d>[1]): Tensor {
    return ops.maxPool2d(x, windows);
  }
}

/**
 * Each window of images to its largest element: `maxPool2d({ poolSize: 3, strides: 2 })`, 2 x 2 windows side by side unless given.
 * Throws ArgumentError for options it does not know or cannot use, ShapeError if no window fits the images.
 */
export function maxPool2d(options: PoolOptions = {}): MaxPool2d {
  return new MaxPool2d(options);
}
