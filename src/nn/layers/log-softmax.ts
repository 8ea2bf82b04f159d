/** @file Logarithms of probabilities from scores. */
import type { Shape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { requireTensor } from "../../ops/bind.ts";
import { Layer, type LayerOptions, checkOptions } from "../layer.ts";
import { sampleAxes } from "./input.ts";
import type { SoftmaxOptions } from "./softmax.ts";

/** log of eˣ divided by its sum along an axis, without overflow. */
export class LogSoftmax extends Layer {
  readonly axis: number | readonly number[];

  constructor(options: SoftmaxOptions = {}) {
    checkOptions("logSoftmax", options, ["axis"]);
    super(options as LayerOptions);
    this.axis = options.axis ?? -1;
    if (options.inputShape !== undefined) this.grow(options.inputShape);
  }

  get kind(): string {
    return "logSoftmax";
  }

  protected make(inputShape: Shape): Shape {
    sampleAxes(this.label, this.axis, inputShape);
    return inputShape;
  }

  /** x [batch, ...] -> the same shape. ArgumentError for axes that are not there. */
  forward(x: Tensor): Tensor {
    const sample = requireTensor(this.label, x).shape.slice(1);
    return x.logSoftmax(sampleAxes(this.label, this.axis, sample));
  }
}

/** Logarithms of probabilities from scores: `logSoftmax()`. Throws ArgumentError for options it does not know, and for axes that are not there. */
export function logSoftmax(options: SoftmaxOptions = {}): LogSoftmax {
  return new LogSoftmax(options);
}
