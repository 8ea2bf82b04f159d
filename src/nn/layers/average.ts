/** @file The mean of several inputs, element by element. */
import type { Tensor } from "../../ir/tensor.ts";
import { type LayerOptions, checkOptions } from "../layer.ts";
import { Merge } from "./merge.ts";

/** The mean of its inputs, element by element. */
export class Average extends Merge {
  constructor(options: LayerOptions = {}) {
    checkOptions("average", options, []);
    super(options);
  }

  get kind(): string {
    return "average";
  }

  protected merge(inputs: readonly Tensor[]): Tensor {
    return inputs.reduce((sum, x) => sum.add(x)).mul(1 / inputs.length);
  }
}

/**
 * The mean of several inputs as a layer: `average().apply([a, b])`. Extents of 1 broadcast. Throws ShapeError naming the layer where
 * the inputs' shapes do not fit.
 */
export function average(options: LayerOptions = {}): Average {
  return new Average(options);
}
