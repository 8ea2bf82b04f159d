/** @file The product of several inputs, element by element. */
import type { Tensor } from "../../ir/tensor.ts";
import { type LayerOptions, checkOptions } from "../layer.ts";
import { Merge } from "./merge.ts";

/** The product of its inputs, element by element. */
export class Multiply extends Merge {
  constructor(options: LayerOptions = {}) {
    checkOptions("multiply", options, []);
    super(options);
  }

  get kind(): string {
    return "multiply";
  }

  protected merge(inputs: readonly Tensor[]): Tensor {
    return inputs.reduce((product, x) => product.mul(x));
  }
}

/**
 * The product of several inputs as a layer: `multiply().apply([a, b])`. Extents of 1 broadcast. Throws ShapeError naming the layer where
 * the inputs' shapes do not fit.
 */
export function multiply(options: LayerOptions = {}): Multiply {
  return new Multiply(options);
}
