/** @file The exponential linear unit. */
import type { Shape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { requireTensor } from "../../ops/bind.ts";
import { elu as exponential } from "../activations.ts";
import { Layer, type LayerOptions, checkOptions } from "../layer.ts";
import { checkNumber } from "./input.ts";

/** Options of `elu`, with Keras' names and defaults. */
export interface EluOptions extends LayerOptions {
  /** Minus the limit towards -Infinity: 1 unless given. */
  readonly alpha?: number;
}

/** x where positive, alpha (eˣ - 1) elsewhere (Clevert et al. 2015, eq. 15). */
export class Elu extends Layer {
  readonly alpha: number;

  constructor(options: EluOptions = {}) {
    checkOptions("elu", options, ["alpha"]);
    super(options);
    this.alpha = options.alpha ?? 1;
    checkNumber(`${this.label}: alpha`, this.alpha);
    if (options.inputShape !== undefined) this.grow(options.inputShape);
  }

  get kind(): string {
    return "elu";
  }

  override get className(): string {
    return "ELU";
  }

  protected make(inputShape: Shape): Shape {
    return inputShape;
  }

  /** Every element by itself. */
  forward(x: Tensor): Tensor {
    return exponential(requireTensor(this.label, x), this.alpha);
  }
}

/** x where positive, alpha (eˣ - 1) elsewhere: `elu({ alpha: 0.5 })`. Throws ArgumentError for options it does not know or cannot use. */
export function elu(options: EluOptions = {}): Elu {
  return new Elu(options);
}
