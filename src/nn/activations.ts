/** @file Activation functions, each applied to every element (softmax along the last axis), with Keras' names and constants. */
import { ArgumentError, complaint, describe } from "../ir/errors.ts";
import type { Tensor } from "../ir/tensor.ts";
import * as ops from "../ops/index.ts";

/** An activation: a tensor to one of the same shape. */
export type Activation = (x: Tensor) => Tensor;

/** x itself. */
export function linear(x: Tensor): Tensor {
  return x;
}

/** max(x, 0). */
export function relu(x: Tensor): Tensor {
  return x.relu();
}

/** min(max(x, 0), 6). */
export function relu6(x: Tensor): Tensor {
  return x.relu().minimum(6);
}

/** x where positive, `slope` x elsewhere. */
export function leakyRelu(x: Tensor, slope = 0.2): Tensor {
  return ops.where(x.greater(0), x, x.mul(slope));
}

/** x where positive, `alpha` (eˣ - 1) elsewhere (Clevert et al. 2015, eq. 15). */
export function elu(x: Tensor, alpha = 1): Tensor {
  // The branch not taken is kept finite, or its infinite slope would turn the gradient into 0 * Infinity.
  return ops.where(x.greater(0), x, x.minimum(0).expm1().mul(alpha));
}

const seluAlpha = 1.6732632423543772;
const seluScale = 1.0507009873554805;

/** scale * elu(x, alpha) with the constants that keep mean 0 and variance 1 (Klambauer et al. 2017, eq. 2). */
export function selu(x: Tensor): Tensor {
  return elu(x, seluAlpha).mul(seluScale);
}

/** x Φ(x) with the normal distribution function Φ, exact (Hendrycks and Gimpel 2016). */
export function gelu(x: Tensor): Tensor {
  return x.mul(x.mul(Math.SQRT1_2).erf().add(1)).mul(0.5);
}

/** x sigmoid(x), also called swish (Elfwing et al. 2017). */
export function silu(x: Tensor): Tensor {
  return x.mul(x.sigmoid());
}

/** 1 / (1 + e⁻ˣ). */
export function sigmoid(x: Tensor): Tensor {
  return x.sigmoid();
}

/** Hyperbolic tangent. */
export function tanh(x: Tensor): Tensor {
  return x.tanh();
}

/** log(1 + eˣ), without overflow. */
export function softplus(x: Tensor): Tensor {
  return x.softplus();
}

/** eˣ divided by its sum along the last axis. */
export function softmax(x: Tensor): Tensor {
  return x.softmax(-1);
}

/** Every activation by its name. */
export const activations: {
  readonly linear: Activation;
  readonly relu: Activation;
  readonly relu6: Activation;
  readonly leakyRelu: Activation;
  readonly elu: Activation;
  readonly selu: Activation;
  readonly gelu: Activation;
  readonly silu: Activation;
  readonly sigmoid: Activation;
  readonly tanh: Activation;
  readonly softplus: Activation;
  readonly softmax: Activation;
} = {
  linear,
  relu,
  relu6,
  leakyRelu,
  elu,
  selu,
  gelu,
  silu,
  sigmoid,
  tanh,
  softplus,
  softmax,
};

/** Names of the activations. */
export type ActivationName = keyof typeof activations;

/** The function for a name, or the function given. Throws ArgumentError naming `who` and the known names. */
export function activationOf(
  who: string,
  activation: ActivationName | Activation = "linear",
): Activation {
  if (typeof activation === "function") return activation;
  if (typeof activation === "string" && Object.hasOwn(activations, activation))
    return activations[activation];
  throw new ArgumentError(
    complaint(
      `${who}: activation`,
      `a function, or one of ${Object.keys(activations).join(", ")}`,
      describe(activation),
    ),
  );
}
