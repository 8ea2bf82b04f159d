/** @file An activation function as a layer. */
import { ArgumentError, complaint } from "../../base/errors.ts";
import type { Shape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { requireTensor } from "../../ops/bind.ts";
import {
  type Activation,
  type ActivationName,
  activated,
  activationOf,
  activations,
} from "../activations.ts";
import { Layer, type LayerOptions, checkOptions } from "../layer.ts";

/** Options of `activation`, with Keras' names. */
export interface ActivationOptions extends LayerOptions {
  /** A function that keeps shapes, or the name of one. */
  readonly activation: ActivationName | Activation;
}

/** An activation function of its input. */
export class ActivationLayer extends Layer {
  readonly activation: Activation;

  constructor(options: ActivationOptions) {
    checkOptions("activation", options, ["activation"]);
    super(options);
    if (options.activation === undefined)
      throw new ArgumentError(
        complaint(
          `${this.label}: activation`,
          `a function, or one of ${Object.keys(activations).join(", ")}`,
          "undefined",
        ),
      );
    this.activation = activationOf(this.label, options.activation);
    if (options.inputShape !== undefined) this.grow(options.inputShape);
  }

  get kind(): string {
    return "activation";
  }

  protected make(inputShape: Shape): Shape {
    return inputShape;
  }

  /** activation(x) */
  forward(x: Tensor): Tensor {
    return activated(this.label, this.activation, requireTensor(this.label, x));
  }
}

/** An activation function as a layer: `activation({ activation: "relu" })`. Throws ArgumentError for names that are none. */
export function activation(options: ActivationOptions): ActivationLayer {
  return new ActivationLayer(options);
}
