/** @file A border of one value around samples of any rank. */
import { ArgumentError, ShapeError, complaint, describe } from "../../base/errors.ts";
import { type Shape, formatShape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { Layer, type LayerOptions, checkOptions } from "../layer.ts";
import { checkNumber, requireRank } from "./input.ts";

/** Options of `pad`. */
export interface PadOptions extends LayerOptions {
  /** [before, after] for each axis of a sample, the batch left out. */
  readonly padding: readonly (readonly [number, number])[];
  /** What is put there: 0 unless given. */
  readonly value?: number;
}

/** Samples with a border. */
export class Pad extends Layer {
  readonly padding: readonly (readonly [number, number])[];
  readonly value: number;

  constructor(options: PadOptions) {
    checkOptions("pad", options, ["padding", "value"]);
    super(options);
    const { padding, value = 0 } = options;
    const isWidth = (width: unknown): boolean => Number.isInteger(width) && (width as number) >= 0;
    if (
      !Array.isArray(padding) ||
      !padding.every((pair) => Array.isArray(pair) && pair.length === 2 && pair.every(isWidth))
    )
      throw new ArgumentError(
        complaint(
          `${this.label}: padding`,
          "[before, after] for each axis, integers of at least 0",
          Array.isArray(padding) ? JSON.stringify(padding) : describe(padding),
        ),
      );
    checkNumber(`${this.label}: value`, value);
    this.padding = padding.map(([before, after]) => [before, after] as const);
    this.value = value;
    if (options.inputShape !== undefined) this.grow(options.inputShape);
  }

  get kind(): string {
    return "pad";
  }

  protected make(inputShape: Shape): Shape {
    if (inputShape.length !== this.padding.length)
      throw new ShapeError(
        complaint(
          `${this.label}: inputShape`,
          `${this.padding.length} axes, as many as padding has`,
          formatShape(inputShape),
        ),
      );
    return inputShape.map((extent, axis) => {
      const [before, after] = this.padding[axis]!;
      return before + extent + after;
    });
  }

  /** x [batch, ...] -> the same with a border. ShapeError for other ranks. */
  forward(x: Tensor): Tensor {
    requireRank(this.label, x, this.inputShape ?? this.padding.map(([before]) => before));
    return x.pad([0, ...this.padding], this.value);
  }
}

/** Samples with a border: `pad({ padding: [[0, 0], [0, 0], [8, 8]] })` adds channels. Throws ArgumentError for other paddings. */
export function pad(options: PadOptions): Pad {
  return new Pad(options);
}
