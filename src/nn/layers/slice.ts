/** @file Part of each sample. */
import { ArgumentError, ShapeError, complaint, describe } from "../../base/errors.ts";
import { type Shape, formatShape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { Layer, type LayerOptions, checkOptions } from "../layer.ts";
import { requireRank } from "./input.ts";

/** Options of `slice`: one number for each axis of a sample, the batch left out. */
export interface SliceOptions extends LayerOptions {
  /** The first element taken. */
  readonly starts: readonly number[];
  /** The first element that is not taken any more; beyond the end it is the end. */
  readonly stops: readonly number[];
  /** Distance of what is taken: 1 unless given. */
  readonly steps?: readonly number[];
}

/** The elements of each sample from `starts` to `stops` in `steps`. */
export class Slice extends Layer {
  readonly starts: readonly number[];
  readonly stops: readonly number[];
  readonly steps: readonly number[];

  constructor(options: SliceOptions) {
    checkOptions("slice", options, ["starts", "stops", "steps"]);
    super(options);
    this.starts = bounds(`${this.label}: starts`, options.starts, 0);
    this.stops = bounds(`${this.label}: stops`, options.stops, 0);
    const { steps = this.starts.map(() => 1) } = options;
    this.steps = bounds(`${this.label}: steps`, steps, 1);
    if (this.stops.length !== this.starts.length || this.steps.length !== this.starts.length)
      throw new ArgumentError(
        complaint(
          this.label,
          "as many stops and steps as starts",
          `${this.starts.length} starts, ${this.stops.length} stops and ${this.steps.length} steps`,
        ),
      );
    if (options.inputShape !== undefined) this.grow(options.inputShape);
  }

  get kind(): string {
    return "slice";
  }

  protected make(inputShape: Shape): Shape {
    const { starts, stops, steps } = this;
    const shape = inputShape.map((extent, axis) =>
      Math.ceil((Math.min(stops[axis] ?? 0, extent) - (starts[axis] ?? 0)) / (steps[axis] ?? 1)),
    );
    if (inputShape.length !== starts.length || shape.some((extent) => extent < 1))
      throw new ShapeError(
        complaint(
          this.label,
          `samples of ${starts.length} axes, longer than ${formatShape(starts)}`,
          formatShape(inputShape),
        ),
      );
    return shape;
  }

  /** x [batch, ...] -> a part of every sample. ShapeError for other ranks. */
  forward(x: Tensor): Tensor {
    requireRank(this.label, x, this.starts);
    return x.slice([0, ...this.starts], [undefined, ...this.stops], [1, ...this.steps]);
  }
}

function bounds(who: string, value: unknown, least: number): readonly number[] {
  if (!Array.isArray(value) || !value.every((n) => Number.isInteger(n) && n >= least))
    throw new ArgumentError(
      complaint(
        who,
        `an array of integers of at least ${least}, one for each axis`,
        describe(value),
      ),
    );
  return [...(value as number[])];
}

/**
 * Part of each sample: `slice({ starts: [0, 0, 8], stops: [28, 28, 16] })` takes eight of the channels. Throws ArgumentError for
 * options it does not know or cannot use, ShapeError where nothing would be left.
 */
export function slice(options: SliceOptions): Slice {
  return new Slice(options);
}
