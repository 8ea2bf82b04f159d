/** @file The mean of each channel over all rows and columns. */
import type { Tensor } from "../../ir/tensor.ts";
import { GlobalPoolLayer, type GlobalPoolOptions } from "./pool-layer.ts";

/** The mean of each channel over all rows and columns. */
export class GlobalAveragePool2d extends GlobalPoolLayer {
  constructor(options: GlobalPoolOptions = {}) {
    super("globalAveragePool2d", options);
  }

  get kind(): string {
    return "globalAveragePool2d";
  }

  override get className(): string {
    return "GlobalAveragePooling2D";
  }

  /** x [batch, rows, columns, channels] -> [batch, channels], or [batch, 1, 1, channels] with keepDims. */
  forward(x: Tensor): Tensor {
    return this.images(x).mean([1, 2], this.keepDims);
  }
}

/** Each channel of images to its mean: `globalAveragePool2d()`. Throws ArgumentError for options it does not know or cannot use. */
export function globalAveragePool2d(options: GlobalPoolOptions = {}): GlobalAveragePool2d {
  return new GlobalAveragePool2d(options);
}
