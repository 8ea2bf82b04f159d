/** @file The largest element of each channel over all rows and columns. */
import type { Tensor } from "../../ir/tensor.ts";
import { GlobalPoolLayer, type GlobalPoolOptions } from "./pool-layer.ts";

/** The largest element of each channel over all rows and columns. */
export class GlobalMaxPool2d extends GlobalPoolLayer {
  constructor(options: GlobalPoolOptions = {}) {
    super("globalMaxPool2d", options);
  }

  get kind(): string {
    return "globalMaxPool2d";
  }

  override get className(): string {
    return "GlobalMaxPooling2D";
  }

  /** x [batch, rows, columns, channels] -> [batch, channels], or [batch, 1, 1, channels] with keepDims. */
  forward(x: Tensor): Tensor {
    return this.images(x).max([1, 2], this.keepDims);
  }
}

/** Each channel of images to its largest element: `globalMaxPool2d()`. Throws ArgumentError for options it does not know or cannot use. */
export function globalMaxPool2d(options: GlobalPoolOptions = {}): GlobalMaxPool2d {
  return new GlobalMaxPool2d(options);
}
