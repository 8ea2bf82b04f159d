/** @file Elements limited from below and above. */
import { ArgumentError, complaint } from "../../base/errors.ts";
import type { Shape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { requireTensor } from "../../ops/bind.ts";
import { Layer, type LayerOptions, checkOptions } from "../layer.ts";
import { checkNumber } from "./input.ts";

/** Options of `clip`. */
export interface ClipOptions extends LayerOptions {
  /** Smallest result: none unless given. */
  readonly minValue?: number;
  /** Largest result: none unless given. */
  readonly maxValue?: number;
}

/** min(max(x, minValue), maxValue) */
export class Clip extends Layer {
  readonly minValue: number | undefined;
  readonly maxValue: number | undefined;

  constructor(options: ClipOptions = {}) {
    checkOptions("clip", options, ["minValue", "maxValue"]);
    super(options);
    const { minValue, maxValue } = options;
    if (minValue !== undefined) checkNumber(`${this.label}: minValue`, minValue);
    if (maxValue !== undefined) checkNumber(`${this.label}: maxValue`, maxValue);
    if (minValue !== undefined && maxValue !== undefined && minValue > maxValue)
      throw new ArgumentError(
        complaint(this.label, "minValue <= maxValue", `${minValue} and ${maxValue}`),
      );
    this.minValue = minValue;
    this.maxValue = maxValue;
    if (options.inputShape !== undefined) this.grow(options.inputShape);
  }

  get kind(): string {
    return "clip";
  }

  protected make(inputShape: Shape): Shape {
    return inputShape;
  }

  /** Every element by itself. */
  forward(x: Tensor): Tensor {
    requireTensor(this.label, x);
    const raised = this.minValue === undefined ? x : x.maximum(this.minValue);
    return this.maxValue === undefined ? raised : raised.minimum(this.maxValue);
  }
}

/** Elements limited to a range: `clip({ minValue: -1, maxValue: 1 })`. Throws ArgumentError for a range that is empty. */
export function clip(options: ClipOptions = {}): Clip {
  return new Clip(options);
}
