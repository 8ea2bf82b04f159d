/** @file The least of several inputs, element by element. */
import type { Tensor } from "../../ir/tensor.ts";
import { type LayerOptions, checkOptions } from "../layer.ts";
import { Merge } from "./merge.ts";

/** The least of its inputs, element by element. */
export class Minimum extends Merge {
  constructor(options: LayerOptions = {}) {
    checkOptions("minimum", options, []);
    super(options);
  }

  get kind(): string {
    return "minimum";
  }

  protected merge(inputs: readonly Tensor[]): Tensor {
    return inputs.reduce((least, x) => least.minimum(x));
  }
}

/**
 * The least of several inputs as a layer: `minimum().apply([a, b])`. Extents of 1 broadcast. Throws ShapeError naming the layer where
 * the inputs' shapes do not fit.
 */
export function minimum(options: LayerOptions = {}): Minimum {
  return new Minimum(options);
}
