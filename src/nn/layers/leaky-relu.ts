/** @file The rectifier that lets a little through below 0. */
import type { Shape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { requireTensor } from "../../ops/bind.ts";
import { leakyRelu as leaking } from "../activations.ts";
import { Layer, type LayerOptions, checkOptions } from "../layer.ts";
import { checkNumber } from "./input.ts";

/** Options of `leakyRelu`, with Keras' names and defaults. */
export interface LeakyReluOptions extends LayerOptions {
  /** Slope below 0: 0.3 unless given (the activation function of this name takes 0.2, as in Keras). */
  readonly negativeSlope?: number;
}

/** x where positive, negativeSlope x elsewhere. */
export class LeakyRelu extends Layer {
  readonly negativeSlope: number;

  constructor(options: LeakyReluOptions = {}) {
    checkOptions("leakyRelu", options, ["negativeSlope"]);
    super(options);
    this.negativeSlope = options.negativeSlope ?? 0.3;
    checkNumber(`${this.label}: negativeSlope`, this.negativeSlope, 0);
    if (options.inputShape !== undefined) this.grow(options.inputShape);
  }

  get kind(): string {
    return "leakyRelu";
  }

  override get className(): string {
    return "LeakyReLU";
  }

  protected make(inputShape: Shape): Shape {
    return inputShape;
  }

  /** Every element by itself. */
  forward(x: Tensor): Tensor {
    return leaking(requireTensor(this.label, x), this.negativeSlope);
  }
}

/** x where positive, negativeSlope x elsewhere: `leakyRelu({ negativeSlope: 0.1 })`. Throws ArgumentError for a negative slope. */
export function leakyRelu(options: LeakyReluOptions = {}): LeakyRelu {
  return new LeakyRelu(options);
}
