/** @file The mean of each window of an image. */
import type { Tensor } from "../../ir/tensor.ts";
import * as ops from "../../ops/index.ts";
import { PoolLayer, type PoolOptions } from "./pool-layer.ts";

/** The mean of each window, channel by channel, over the pixels of it that lie on the image. */
export class AveragePool2d extends PoolLayer {
  constructor(options: PoolOptions = {}) {
    super("averagePool2d", options);
  }

  get kind(): string {
    return "averagePool2d";
  }

  override get className(): string {
    return "AveragePooling2D";
  }

  protected pool(x: Tensor, windows: Parameters<typeof ops.averagePool2d>[1]): Tensor {
    return ops.averagePool2d(x, windows);
  }
}

/**
 * Each window of images to its mean: `averagePool2d({ poolSize: 2 })`, 2 x 2 windows side by side unless given.
 * Throws ArgumentError for options it does not know or cannot use, ShapeError if no window fits the images.
 */
export function averagePool2d(options: PoolOptions = {}): AveragePool2d {
  return new AveragePool2d(options);
}
