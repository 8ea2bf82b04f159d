/** @file The difference of two inputs, element by element. */
import { ArgumentError, complaint } from "../../base/errors.ts";
import type { Shape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { type LayerOptions, checkOptions } from "../layer.ts";
import { Merge } from "./merge.ts";

/** The first of its inputs without the second. */
export class Subtract extends Merge {
  constructor(options: LayerOptions = {}) {
    checkOptions("subtract", options, []);
    super(options);
  }

  get kind(): string {
    return "subtract";
  }

  protected override requireShapes(shapes: readonly Shape[]): void {
    super.requireShapes(shapes);
    if (shapes.length !== 2)
      throw new ArgumentError(complaint(this.label, "two inputs", String(shapes.length)));
  }

  protected merge(inputs: readonly Tensor[]): Tensor {
    this.requireShapes(inputs.map(({ shape }) => shape));
    return inputs[0]!.sub(inputs[1]!);
  }
}

/**
 * The difference of two inputs as a layer: `subtract().apply([a, b])`. Extents of 1 broadcast. Throws ShapeError naming the layer where
 * the inputs' shapes do not fit.
 */
export function subtract(options: LayerOptions = {}): Subtract {
  return new Subtract(options);
}
