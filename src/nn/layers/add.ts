/** @file The sum of several inputs. */
import type { Tensor } from "../../ir/tensor.ts";
import { type LayerOptions, checkOptions } from "../layer.ts";
import { Merge } from "./merge.ts";

/** The sum of its inputs. */
export class Add extends Merge {
  constructor(options: LayerOptions = {}) {
    checkOptions("add", options, []);
    super(options);
  }

  get kind(): string {
    return "add";
  }

  protected merge(inputs: readonly Tensor[]): Tensor {
    return inputs.reduce((sum, x) => sum.add(x));
  }
}

/**
 * The sum of several inputs as a layer: `add().apply([a, b])`. Extents of 1 broadcast. Throws ShapeError naming the layer where
 * the inputs' shapes do not fit.
 */
export function add(options: LayerOptions = {}): Add {
  return new Add(options);
}
