/** @file Probabilities from scores. */
import type { Shape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { requireTensor } from "../../ops/bind.ts";
import { softmax as probabilities } from "../activations.ts";
import { Layer, type LayerOptions, checkOptions } from "../layer.ts";
import { sampleAxes } from "./input.ts";

/** Options of `softmax`, with Keras' names and defaults. */
export interface SoftmaxOptions extends LayerOptions {
  /** One axis or several along which the results add up to 1, the batch being axis 0: the last unless given. */
  readonly axis?: number | readonly number[];
}

/** eˣ divided by its sum along an axis. */
export class Softmax extends Layer {
  readonly axis: number | readonly number[];

  constructor(options: SoftmaxOptions = {}) {
    checkOptions("softmax", options, ["axis"]);
    super(options);
    this.axis = options.axis ?? -1;
    if (options.inputShape !== undefined) this.grow(options.inputShape);
  }

  get kind(): string {
    return "softmax";
  }

  protected make(inputShape: Shape): Shape {
    sampleAxes(this.label, this.axis, inputShape);
    return inputShape;
  }

  /** x [batch, ...] -> the same shape. ArgumentError for axes that are not there. */
  forward(x: Tensor): Tensor {
    const sample = requireTensor(this.label, x).shape.slice(1);
    return probabilities(x, sampleAxes(this.label, this.axis, sample));
  }
}

/** Probabilities from scores: `softmax()`. Throws ArgumentError for options it does not know, and for axes that are not there. */
export function softmax(options: SoftmaxOptions = {}): Softmax {
  return new Softmax(options);
}
