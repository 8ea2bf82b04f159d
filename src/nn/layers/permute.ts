/** @file The axes of samples in another order. */
import { ArgumentError, ShapeError, complaint, describe } from "../../base/errors.ts";
import { type Shape, formatShape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { Layer, type LayerOptions, checkOptions } from "../layer.ts";
import { requireRank } from "./input.ts";

/** Options of `permute`, with Keras' names. */
export interface PermuteOptions extends LayerOptions {
  /** The input axis that each output axis is. Axes of a sample count from 1, the batch being 0. */
  readonly dims: readonly number[];
}

/** The axes of each sample in another order. */
export class Permute extends Layer {
  readonly dims: readonly number[];

  constructor(options: PermuteOptions) {
    checkOptions("permute", options, ["dims"]);
    super(options);
    const { dims } = options;
    if (!Array.isArray(dims) || dims.toSorted((a, b) => a - b).some((axis, i) => axis !== i + 1))
      throw new ArgumentError(
        complaint(
          `${this.label}: dims`,
          "the axes 1 to n of a sample, each once, in any order",
          Array.isArray(dims) ? formatShape(dims) : describe(dims),
          "The batch, axis 0, stays where it is.",
        ),
      );
    this.dims = [...dims];
    if (options.inputShape !== undefined) this.grow(options.inputShape);
  }

  get kind(): string {
    return "permute";
  }

  protected make(inputShape: Shape): Shape {
    if (inputShape.length !== this.dims.length)
      throw new ShapeError(
        complaint(
          `${this.label}: inputShape`,
          `${this.dims.length} axes, as many as dims`,
          formatShape(inputShape),
        ),
      );
    return this.dims.map((axis) => inputShape[axis - 1]!);
  }

  /** x [batch, ...] -> the same with the other axes in another order. ShapeError names the layer. */
  forward(x: Tensor): Tensor {
    requireRank(this.label, x, this.inputShape ?? this.dims);
    return x.transpose([0, ...this.dims]);
  }
}

/** The axes of samples in another order: `permute({ dims: [2, 3, 1] })` brings channels last. Throws ArgumentError for dims that are no order. */
export function permute(options: PermuteOptions): Permute {
  return new Permute(options);
}
