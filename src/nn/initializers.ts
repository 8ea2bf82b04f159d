/** @file Initialisers: what parameters are before training. Each is a function of a random key, a shape and a dtype. */
import type { DType } from "../ir/dtype.ts";
import { finite, oneOf, positive } from "../base/kinds.ts";
import { type OptionsOf, optional, schema } from "../base/options.ts";
import { type Shape, sizeOf } from "../ir/shape.ts";
import type { Tensor } from "../ir/tensor.ts";
import { full, random } from "../ops/index.ts";
import { drawn } from "./large.ts";

/** Makes a parameter. The same key gives the same bits on every machine. */
export type Initializer = (key: Tensor, shape: Shape, dtype: DType) => Tensor;

/** An initialiser whose every element is `value`; it leaves the key unused. */
export function constant(value: number): Initializer {
  return (_key, shape, dtype) => full(shape, value, { dtype });
}

/** Every element 0: the usual start of biases. */
export const zeros: Initializer = constant(0);
/** Every element 1: the usual start of scales. */
export const ones: Initializer = constant(1);

const normalOptions = schema({
  mean: optional(finite, 0, "Mean."),
  std: optional(finite, 0.05, "Standard deviation."),
});

/** Normal with the given `mean` (0) and standard deviation `std` (0.05). Throws ArgumentError for options it does not know or cannot use. */
export function randomNormal(options: OptionsOf<typeof normalOptions.spec> = {}): Initializer {
  const { mean, std } = normalOptions.read("randomNormal", options);
  return (key, shape, dtype) =>
    drawn((k, part) => random.normal(k, part, { dtype, mean, std }), key, shape, dtype);
}

const uniformOptions = schema({
  min: optional(finite, -0.05, "Smallest value."),
  max: optional(finite, 0.05, "Above the largest value."),
});

/** Uniform in [min, max): [-0.05, 0.05) unless given. Throws ArgumentError for options it does not know or cannot use. */
export function randomUniform(options: OptionsOf<typeof uniformOptions.spec> = {}): Initializer {
  const { min, max } = uniformOptions.read("randomUniform", options);
  return (key, shape, dtype) =>
    drawn((k, part) => random.uniform(k, part, { dtype, min, max }), key, shape, dtype);
}

/**
 * Normal without what is beyond two standard deviations `std` (of the normal before it is cut): mean 0 and std 0.05 unless given.
 * Throws ArgumentError for options it does not know or cannot use.
 */
export function truncatedNormal(options: OptionsOf<typeof normalOptions.spec> = {}): Initializer {
  const { mean, std } = normalOptions.read("truncatedNormal", options);
  return (key, shape, dtype) =>
    drawn((k, part) => random.truncatedNormal(k, part, { dtype, mean, std }), key, shape, dtype);
}

/**
 * Units that feed one unit, and units that one feeds. Kernels end in [in, out], and axes before are a receptive field
 * that counts for both (Keras' layout: dense [in, out], convolutions [...window, in, out]).
 */
export function fans(shape: Shape): { fanIn: number; fanOut: number } {
  if (shape.length < 2) return { fanIn: sizeOf(shape), fanOut: sizeOf(shape) };
  const field = sizeOf(shape.slice(0, -2));
  return { fanIn: field * shape.at(-2)!, fanOut: field * shape.at(-1)! };
}

/** Standard deviation of a standard normal cut at two. */
const cutDeviation = 0.8796256610342398;

const scalingOptions = schema({
  scale: optional(positive, 1, "Variance times fan."),
  mode: optional(
    oneOf(["fanIn", "fanOut", "fanAverage"]),
    "fanIn",
    "Units that feed one, that one feeds, or their mean.",
  ),
  distribution: optional(
    oneOf(["truncatedNormal", "uniform"]),
    "truncatedNormal",
    "Of the numbers.",
  ),
});

/** Options of `varianceScaling`, with Keras' names and defaults. */
export type VarianceScalingOptions = OptionsOf<typeof scalingOptions.spec>;

/** Random numbers of mean 0 and variance scale / fan. Throws ArgumentError for options it does not know or cannot use. */
export function varianceScaling(options: VarianceScalingOptions = {}): Initializer {
  const { scale, mode, distribution } = scalingOptions.read("varianceScaling", options);
  return (key, shape, dtype) => {
    const { fanIn, fanOut } = fans(shape);
    const fan = { fanIn, fanOut, fanAverage: (fanIn + fanOut) / 2 }[mode];
    const variance = scale / Math.max(1, fan);
    if (distribution === "truncatedNormal")
      return truncatedNormal({ std: Math.sqrt(variance) / cutDeviation })(key, shape, dtype);
    const limit = Math.sqrt(3 * variance);
    return randomUniform({ min: -limit, max: limit })(key, shape, dtype);
  };
}

/** Uniform of variance 2 / (in + out) (Glorot and Bengio 2010, eq. 16). */
export const glorotUniform: Initializer = varianceScaling({
  mode: "fanAverage",
  distribution: "uniform",
});
/** Cut normal of variance 2 / (in + out) (Glorot and Bengio 2010, eq. 12). */
export const glorotNormal: Initializer = varianceScaling({ mode: "fanAverage" });
/** Uniform of variance 2 / in, for relu (He et al. 2015, eq. 10). */
export const heUniform: Initializer = varianceScaling({ scale: 2, distribution: "uniform" });
/** Cut normal of variance 2 / in, for relu (He et al. 2015, eq. 10). */
export const heNormal: Initializer = varianceScaling({ scale: 2 });
/** Cut normal of variance 1 / in, for selu (LeCun et al. 1998, eq. 16). */
export const lecunNormal: Initializer = varianceScaling();

/**
 * Every initialiser that has a name; the functions `constant`, `randomNormal`, `randomUniform`, `truncatedNormal` and
 * `varianceScaling` make others.
 */
export const initializers = {
  zeros,
  ones,
  randomNormal: randomNormal(),
  randomUniform: randomUniform(),
  truncatedNormal: truncatedNormal(),
  glorotUniform,
  glorotNormal,
  heUniform,
  heNormal,
  lecunNormal,
} as const satisfies Readonly<Record<string, Initializer>>;

/** Names of the initialisers. */
export type InitializerName = keyof typeof initializers;
