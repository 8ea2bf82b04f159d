/** @file The largest of several inputs, element by element. */
import type { Tensor } from "../../ir/tensor.ts";
import { type LayerOptions, checkOptions } from "../layer.ts";
import { Merge } from "./merge.ts";

/** The largest of its inputs, element by element. */
export class Maximum extends Merge {
  constructor(options: LayerOptions = {}) {
    checkOptions("maximum", options, []);
    super(options);
  }

  get kind(): string {
    return "maximum";
  }

  protected merge(inputs: readonly Tensor[]): Tensor {
    return inputs.reduce((largest, x) => largest.maximum(x));
  }
}

/**
 * The largest of several inputs as a layer: `maximum().apply([a, b])`. Extents of 1 broadcast. Throws ShapeError naming the layer where
 * the inputs' shapes do not fit.
 */
export function maximum(options: LayerOptions = {}): Maximum {
  return new Maximum(options);
}
