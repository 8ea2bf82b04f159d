/** @file The fully connected layer. */
import { ShapeError, complaint } from "../../base/errors.ts";
import { count, flag } from "../../base/kinds.ts";
import { optional, required } from "../../base/options.ts";
import { formatShape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { requireTensor } from "../../ops/bind.ts";
import { activated } from "../activations.ts";
import { type OptionsFor, factory, layer, weight } from "../declare.ts";
import { activation, initializer } from "../kinds.ts";
import { requireDType } from "./checks.ts";

/** activation(x · kernel + bias) along the last axis; all other axes are batches. */
export class Dense extends layer(
  "dense",
  {
    units: required(count, "Number of outputs."),
    activation: optional(activation, "linear", "Applied after the bias."),
    useBias: optional(flag, true, "Whether there is a bias."),
    kernelInitializer: optional(initializer, "glorotUniform", "Draws the kernel."),
    biasInitializer: optional(initializer, "zeros", "Draws the bias."),
  },
  {
    parameters({ label, units, useBias, kernelInitializer, biasInitializer }, shape) {
      const inputs = shape.at(-1);
      if (inputs === undefined || inputs < 1)
        throw new ShapeError(
          complaint(`${label}: inputShape`, "a last extent of at least 1", formatShape(shape)),
        );
      return {
        /** [inputs, units] */
        kernel: weight([inputs, units], kernelInitializer),
        /** [units]; undefined without bias. */
        bias: useBias ? weight([units], biasInitializer) : undefined,
      };
    },
    outputShape: ({ units }, shape) => [...shape.slice(0, -1), units],
  },
) {
  /** x [..., inputs] -> [..., units]. Throws ShapeError and DTypeError naming the layer. */
  forward(x: Tensor): Tensor {
    this.requireGrown();
    requireTensor(this.label, x);
    const inputs = this.kernel.shape[0]!;
    if (x.shape.at(-1) !== inputs)
      throw new ShapeError(
        complaint(
          this.label,
          `an input whose last extent is ${inputs}`,
          `shape ${formatShape(x.shape)}`,
        ),
      );
    requireDType(this.label, x, this.kernel.dtype);
    const product = x.matmul(this.kernel);
    const y = this.bias === undefined ? product : product.add(this.bias);
    return activated(this.label, this.activation, y);
  }
}

/** Options of `dense`, with Keras' names and defaults. */
export type DenseOptions = OptionsFor<typeof Dense>;

/**
 * A fully connected layer: `dense({ units: 50, activation: "tanh", inputShape: [2] })`. Without `inputShape` its parameters
 * are made when a model says what comes in. Throws ArgumentError for options it does not know or cannot use.
 */
export const dense = factory(Dense);
