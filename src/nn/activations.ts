/** @file Activation functions, each applied to every element (softmax along the last axis), with Keras' names, constants and defaults. */
import * as ops from "../ops/index.ts";
import { ShapeError, complaint, describe } from "../base/errors.ts";
import { composite } from "../ops/composite.ts";
import { formatShape, sameShape } from "../ir/shape.ts";
import { Tensor } from "../ir/tensor.ts";

/** An activation: a tensor to one of the same shape. */
export type Activation = (x: Tensor) => Tensor;

/** x itself, unchanged: no activation. */
export function linear(x: Tensor): Tensor {
  return x;
}

/** Forms of `relu`, with Keras' names. */
export interface ReluForm {
  /** Slope below the threshold: 0 unless given. */
  readonly negativeSlope?: number;
  /** Largest result: none unless given. */
  readonly maxValue?: number | undefined;
  /** Below this the result is negativeSlope (x - threshold): 0 unless given. */
  readonly threshold?: number;
}

/** max(x, 0); with a form: min(x, maxValue) above the threshold, negativeSlope (x - threshold) elsewhere. */
export function relu(x: Tensor, form: ReluForm = {}): Tensor {
  const { negativeSlope = 0, maxValue, threshold = 0 } = form;
  if (negativeSlope === 0 && threshold === 0)
    return maxValue === undefined ? x.relu() : cappedRelu(x, maxValue);
  // The side of NaN is that of x itself.
  const below = x.lessEqual(threshold);
  const slope = x.sub(threshold).mul(negativeSlope);
  const top = maxValue === undefined ? x : x.minimum(maxValue);
  return ops.where(below, negativeSlope === 0 ? x.zerosLike() : slope, top);
}

function cappedRelu(x: Tensor, maxValue: number): Tensor {
  return composite("cappedRelu", { maxValue }, [x], (a) => a.relu().minimum(maxValue));
}

/** x limited to [0, 6]: min(max(x, 0), 6) (Krizhevsky 2010). */
export function relu6(x: Tensor): Tensor {
  return cappedRelu(x, 6);
}

/** x where positive, `slope` x elsewhere: 0.2 unless given, while the layer's default is 0.3, both as in Keras. */
export function leakyRelu(x: Tensor, slope = 0.2): Tensor {
  return composite("leakyRelu", { slope }, [x], (a) => ops.where(a.greater(0), a, a.mul(slope)));
}

/** x where positive, `alpha` (eˣ - 1) elsewhere (Clevert et al. 2015, eq. 15). */
export function elu(x: Tensor, alpha = 1): Tensor {
  // The branch not taken is kept finite, or its infinite slope would turn the gradient into 0 * Infinity.
  return composite("elu", { alpha }, [x], (a) =>
    ops.where(a.greater(0), a, a.minimum(0).expm1().mul(alpha)),
  );
}

const seluAlpha = 1.6732632423543772;
const seluScale = 1.0507009873554805;

/** scale * elu(x, alpha) with the constants that keep mean 0 and variance 1 (Klambauer et al. 2017, eq. 2). */
export function selu(x: Tensor): Tensor {
  return elu(x, seluAlpha).mul(seluScale);
}

/**
 * x Φ(x) with the normal distribution function Φ, exact unless `approximate`, which takes a tanh for it (Hendrycks and
 * Gimpel 2016, section 2).
 */
export function gelu(x: Tensor, approximate = false): Tensor {
  return composite("gelu", { approximate }, [x], (a) => {
    if (!approximate) return a.mul(a.mul(Math.SQRT1_2).erf().add(1)).mul(0.5);
    const inner = a.mul(a.mul(a).mul(0.044715).add(1)).mul(Math.sqrt(2 / Math.PI));
    return a.mul(inner.tanh().add(1)).mul(0.5);
  });
}

/** `gelu` with a tanh in place of the normal distribution function. */
export function geluTanh(x: Tensor): Tensor {
  return gelu(x, true);
}

/** x sigmoid(x), also called swish (Elfwing et al. 2017). */
export function silu(x: Tensor): Tensor {
  return composite("silu", {}, [x], (a) => a.mul(a.sigmoid()));
}

/** 1 / (1 + e⁻ˣ). */
export function sigmoid(x: Tensor): Tensor {
  return x.sigmoid();
}

/** Hyperbolic tangent of every element, in [-1, 1]. */
export function tanh(x: Tensor): Tensor {
  return x.tanh();
}

/** log(1 + eˣ), without overflow. */
export function softplus(x: Tensor): Tensor {
  return x.softplus();
}

/** eˣ divided by its sum along an axis or several, the last unless given. */
export function softmax(x: Tensor, axis: number | readonly number[] = -1): Tensor {
  return x.softmax(axis);
}

/** log of the softmax along the last axis, without overflow. */
export function logSoftmax(x: Tensor): Tensor {
  return x.logSoftmax(-1);
}

/** x / (1 + |x|) */
export function softsign(x: Tensor): Tensor {
  return x.div(x.abs().add(1));
}

/** x tanh(softplus(x)) (Misra 2019, eq. 1). */
export function mish(x: Tensor): Tensor {
  return composite("mish", {}, [x], (a) => a.mul(a.softplus().tanh()));
}

/** min(max(x + 3, 0), 6) / 6, a sigmoid of straight lines (Howard et al. 2019, section 5.2). */
export function hardSigmoid(x: Tensor): Tensor {
  return composite("hardSigmoid", {}, [x], (a) => relu6(a.add(3)).div(6));
}

/** x hardSigmoid(x), also called hard swish (Howard et al. 2019, section 5.2). */
export function hardSilu(x: Tensor): Tensor {
  return composite("hardSilu", {}, [x], (a) => a.mul(hardSigmoid(a)));
}

/** x limited to [-1, 1]. */
export function hardTanh(x: Tensor): Tensor {
  return x.clip(-1, 1);
}

/** Every activation by its name. */
export const activations = {
  linear,
  relu,
  relu6,
  leakyRelu,
  elu,
  selu,
  gelu,
  geluTanh,
  silu,
  sigmoid,
  tanh,
  softplus,
  softmax,
  logSoftmax,
  softsign,
  mish,
  hardSigmoid,
  hardSilu,
  hardTanh,
} as const satisfies Readonly<Record<string, Activation>>;

/** activation(x). Throws ShapeError naming `who` where a function of one's own gives anything but a tensor like x. */
export function activated(who: string, activation: Activation, x: Tensor): Tensor {
  const y: unknown = activation(x);
  if (!(y instanceof Tensor) || !sameShape(y.shape, x.shape))
    throw new ShapeError(
      complaint(
        `${who}: activation`,
        `a tensor of the shape it gets, ${formatShape(x.shape)}`,
        y instanceof Tensor ? formatShape(y.shape) : describe(y),
      ),
    );
  return y;
}

/** Names of the activations. */
export type ActivationName = keyof typeof activations;
