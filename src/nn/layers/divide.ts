/** @file The quotient of two inputs, element by element. */
import { ArgumentError, complaint } from "../../base/errors.ts";
import type { Shape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { type LayerOptions, checkOptions } from "../layer.ts";
import { Merge } from "./merge.ts";

/** The first of its inputs by the second. */
export class Divide extends Merge {
  constructor(options: LayerOptions = {}) {
    checkOptions("divide", options, []);
    super(options);
  }

  get kind(): string {
    return "divide";
  }

  protected override requireShapes(shapes: readonly Shape[]): void {
    super.requireShapes(shapes);
    if (shapes.length !== 2)
      throw new ArgumentError(complaint(this.label, "two inputs", String(shapes.length)));
  }

  protected merge(inputs: readonly Tensor[]): Tensor {
    this.requireShapes(inputs.map(({ shape }) => shape));
    return inputs[0]!.div(inputs[1]!);
  }
}

/**
 * The quotient of two inputs as a layer: `divide().apply([a, b])`. Extents of 1 broadcast. Throws ShapeError naming the layer where
 * the inputs' shapes do not fit.
 */
export function divide(options: LayerOptions = {}): Divide {
  return new Divide(options);
}
