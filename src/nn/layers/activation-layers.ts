/** @file Activations as layers: named functions, rectifiers with settings, softmax. All keep the shape of their input. */
import { finite, between } from "../../base/kinds.ts";
import { optional, required } from "../../base/options.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { requireTensor } from "../../ops/bind.ts";
import { composite } from "../../ops/composite.ts";
import { where } from "../../ops/index.ts";
import * as functions from "../activations.ts";
import { type OptionsFor, factory, layer, weight } from "../declare.ts";
import { activation as activationKind, axes, initializer } from "../kinds.ts";
import { requireDType, requireRank, sampleAxes } from "./checks.ts";

/** An activation function of its input. */
export class ActivationLayer extends layer("activation", {
  activation: required(activationKind, "A function that keeps shapes, or the name of one."),
}) {
  /** x [batch, ...] -> activation(x), of the same shape. Throws ShapeError for functions that give another one. */
  forward(x: Tensor): Tensor {
    return functions.activated(this.label, this.activation, requireTensor(this.label, x));
  }
}

/** Options of `activation`, with Keras' names. */
export type ActivationOptions = OptionsFor<typeof ActivationLayer>;

/** An activation function as a layer: `activation({ activation: "relu" })`. Throws ArgumentError for unknown names. */
export const activation = factory(ActivationLayer);

/** min(x, maxValue) above the threshold, negativeSlope (x - threshold) elsewhere. */
export class Relu extends layer(
  "relu",
  {
    maxValue: optional(between(0, Infinity), undefined, "Largest result; none unless given."),
    negativeSlope: optional(between(0, Infinity), 0, "Slope below the threshold."),
    threshold: optional(between(0, Infinity), 0, "Where the slope changes."),
  },
  { className: "ReLU" },
) {
  /** x [batch, ...] -> the same shape, element by element. */
  forward(x: Tensor): Tensor {
    return functions.relu(requireTensor(this.label, x), this);
  }
}

/** Options of `relu`, with Keras' names and defaults. None may be negative. */
export type ReluOptions = OptionsFor<typeof Relu>;

/** max(x, 0), or another form of it: `relu({ maxValue: 6 })`. Throws ArgumentError for options it does not know or cannot use. */
export const relu = factory(Relu);

/** x where positive, negativeSlope x elsewhere (Maas et al. 2013, eq. 3). */
export class LeakyRelu extends layer(
  "leakyRelu",
  {
    negativeSlope: optional(
      between(0, Infinity),
      0.3,
      "Slope below 0; the function of this name takes 0.2.",
    ),
  },
  { className: "LeakyReLU", renamed: { alpha: "negativeSlope" } },
) {
  /** x [batch, ...] -> the same shape, element by element. */
  forward(x: Tensor): Tensor {
    return functions.leakyRelu(requireTensor(this.label, x), this.negativeSlope);
  }
}

/** Options of `leakyRelu`, with Keras' names and defaults. */
export type LeakyReluOptions = OptionsFor<typeof LeakyRelu>;

/** x where positive, negativeSlope x elsewhere: `leakyRelu({ negativeSlope: 0.1 })`. Throws ArgumentError for options it does not know or cannot use. */
export const leakyRelu = factory(LeakyRelu);

/** x where positive, alpha (eˣ - 1) elsewhere (Clevert et al. 2015, eq. 15). */
export class Elu extends layer(
  "elu",
  { alpha: optional(finite, 1, "Minus the limit towards -Infinity.") },
  { className: "ELU" },
) {
  /** x [batch, ...] -> the same shape, element by element. */
  forward(x: Tensor): Tensor {
    return functions.elu(requireTensor(this.label, x), this.alpha);
  }
}

/** Options of `elu`, with Keras' names and defaults. */
export type EluOptions = OptionsFor<typeof Elu>;

/** x where positive, alpha (eˣ - 1) elsewhere: `elu({ alpha: 0.5 })`. Throws ArgumentError for options it does not know or cannot use. */
export const elu = factory(Elu);

/** x where positive, alpha x elsewhere, alpha being learnt (He et al. 2015, eq. 1). */
export class Prelu extends layer(
  "prelu",
  {
    alphaInitializer: optional(initializer, "zeros", "Draws the slopes."),
    sharedAxes: optional(
      axes,
      [],
      "Axes that share a slope: [1, 2] for one per channel of images.",
    ),
  },
  {
    className: "PReLU",
    parameters({ label, alphaInitializer, sharedAxes }, shape) {
      const isNone = Array.isArray(sharedAxes) && sharedAxes.length === 0;
      const shared = isNone ? [] : sampleAxes(`${label}: sharedAxes`, sharedAxes, shape);
      const extents = shape.map((extent, i) => (shared.includes(i + 1) ? 1 : extent));
      return {
        /** Shape of a sample, with extent 1 on shared axes. */
        alpha: weight(extents, alphaInitializer),
      };
    },
  },
) {
  /** x [batch, ...] -> the same shape. Throws ShapeError and DTypeError naming the layer. */
  forward(x: Tensor): Tensor {
    this.requireGrown();
    requireRank(this.label, x, this.alpha.shape);
    requireDType(this.label, x, this.alpha.dtype);
    return composite("prelu", {}, [x, this.alpha], (a, alpha) =>
      where(a.greater(0), a, a.mul(alpha)),
    );
  }
}

/** Options of `prelu`, with Keras' names and defaults. */
export type PreluOptions = OptionsFor<typeof Prelu>;

/** A rectifier with a learnt slope below 0: `prelu({ sharedAxes: [1, 2] })`. Throws ArgumentError for options it does not know or cannot use. */
export const prelu = factory(Prelu);

const softmaxOptions = {
  axis: optional(axes, -1, "Axes along which probabilities add up to 1; 0 is the batch."),
};

/** eˣ divided by its sum along an axis. */
export class Softmax extends layer("softmax", softmaxOptions, {
  outputShape: ({ label, axis }, shape) => (sampleAxes(label, axis, shape), shape),
}) {
  /** x [batch, ...] -> the same shape. Throws ArgumentError for axes that x does not have. */
  forward(x: Tensor): Tensor {
    const sample = requireTensor(this.label, x).shape.slice(1);
    return functions.softmax(x, sampleAxes(this.label, this.axis, sample));
  }
}

/** Options of `softmax` and `logSoftmax`, with Keras' names and defaults. */
export type SoftmaxOptions = OptionsFor<typeof Softmax>;

/** Probabilities from scores: `softmax()`. Throws ArgumentError for options it does not know, and for axes that are not there. */
export const softmax = factory(Softmax);

/** log of the softmax along an axis. */
export class LogSoftmax extends layer("logSoftmax", softmaxOptions, {
  outputShape: ({ label, axis }, shape) => (sampleAxes(label, axis, shape), shape),
}) {
  /** x [batch, ...] -> the same shape. Throws ArgumentError for axes that x does not have. */
  forward(x: Tensor): Tensor {
    const sample = requireTensor(this.label, x).shape.slice(1);
    return x.logSoftmax(sampleAxes(this.label, this.axis, sample));
  }
}

/** Logarithms of probabilities from scores: `logSoftmax()`. Throws ArgumentError for options it does not know, and for axes that are not there. */
export const logSoftmax = factory(LogSoftmax);
