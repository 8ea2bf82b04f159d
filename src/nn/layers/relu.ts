/** @file The rectifier, with a slope below, a limit above and a threshold between. */
import type { Shape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { requireTensor } from "../../ops/bind.ts";
import { type ReluForm, relu as rectified } from "../activations.ts";
import { Layer, type LayerOptions, checkOptions } from "../layer.ts";
import { checkNumber } from "./input.ts";

/** Options of `relu`, with Keras' names and defaults. None may be negative. */
export interface ReluOptions extends LayerOptions, ReluForm {}

/** min(x, maxValue) above the threshold, negativeSlope (x - threshold) elsewhere. */
export class Relu extends Layer {
  readonly negativeSlope: number;
  readonly maxValue: number | undefined;
  readonly threshold: number;

  constructor(options: ReluOptions = {}) {
    checkOptions("relu", options, ["negativeSlope", "maxValue", "threshold"]);
    super(options);
    const { negativeSlope = 0, maxValue, threshold = 0 } = options;
    checkNumber(`${this.label}: negativeSlope`, negativeSlope, 0);
    if (maxValue !== undefined) checkNumber(`${this.label}: maxValue`, maxValue, 0);
    checkNumber(`${this.label}: threshold`, threshold, 0);
    this.negativeSlope = negativeSlope;
    this.maxValue = maxValue;
    this.threshold = threshold;
    if (options.inputShape !== undefined) this.grow(options.inputShape);
  }

  get kind(): string {
    return "relu";
  }

  override get className(): string {
    return "ReLU";
  }

  protected make(inputShape: Shape): Shape {
    return inputShape;
  }

  /** Every element by itself. */
  forward(x: Tensor): Tensor {
    return rectified(requireTensor(this.label, x), this);
  }
}

/** max(x, 0), or another form of it: `relu({ maxValue: 6 })`. Throws ArgumentError for options it does not know or cannot use. */
export function relu(options: ReluOptions = {}): Relu {
  return new Relu(options);
}
