/** @file One number for all elements along some axes of a sample. */
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import type { Shape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { Layer, type LayerOptions, checkOptions } from "../layer.ts";
import { checkFlag, requireRank, sampleAxes } from "./input.ts";

const operations = {
  mean: (x: Tensor, axes: readonly number[], keepDims: boolean): Tensor => x.mean(axes, keepDims),
  sum: (x: Tensor, axes: readonly number[], keepDims: boolean): Tensor => x.sum(axes, keepDims),
  max: (x: Tensor, axes: readonly number[], keepDims: boolean): Tensor => x.max(axes, keepDims),
  min: (x: Tensor, axes: readonly number[], keepDims: boolean): Tensor => x.min(axes, keepDims),
} as const;

/** Options of `reduce`. */
export interface ReduceOptions extends LayerOptions {
  /** What becomes of the elements. */
  readonly operation: keyof typeof operations;
  /** One axis or several, the batch being axis 0. */
  readonly axis: number | readonly number[];
  /** Whether the axes stay, with extent 1: false unless given. */
  readonly keepDims?: boolean;
}

/** The mean, sum, maximum or minimum along axes of each sample. */
export class Reduce extends Layer {
  readonly operation: keyof typeof operations;
  readonly axis: number | readonly number[];
  readonly keepDims: boolean;

  constructor(options: ReduceOptions) {
    checkOptions("reduce", options, ["operation", "axis", "keepDims"]);
    super(options);
    if (!Object.hasOwn(operations, options.operation))
      throw new ArgumentError(
        complaint(
          `${this.label}: operation`,
          `one of ${Object.keys(operations).join(", ")}`,
          describe(options.operation),
        ),
      );
    checkFlag(`${this.label}: keepDims`, options.keepDims);
    this.operation = options.operation;
    this.axis = options.axis;
    this.keepDims = options.keepDims ?? false;
    if (options.inputShape !== undefined) this.grow(options.inputShape);
  }

  get kind(): string {
    return "reduce";
  }

  protected make(inputShape: Shape): Shape {
    const axes = sampleAxes(this.label, this.axis, inputShape);
    return inputShape.flatMap((extent, index) =>
      axes.includes(index + 1) ? (this.keepDims ? [1] : []) : [extent],
    );
  }

  /** x [batch, ...] -> the same without the axes, or with extent 1 on them. ShapeError for other ranks. */
  forward(x: Tensor): Tensor {
    requireRank(this.label, x, this.inputShape ?? x.shape.slice(1));
    const axes = sampleAxes(this.label, this.axis, x.shape.slice(1));
    return operations[this.operation](x, axes, this.keepDims);
  }
}

/** Axes of samples reduced: `reduce({ operation: "mean", axis: [1, 2] })`. Throws ArgumentError for options it does not know or cannot use. */
export function reduce(options: ReduceOptions): Reduce {
  return new Reduce(options);
}
