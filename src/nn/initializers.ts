/** @file Initialisers: what parameters are before training. Each is a function of a random key, a shape and a dtype. */
import type { DType } from "../ir/dtype.ts";
import { ArgumentError, ShapeError, complaint, describe } from "../base/errors.ts";
import { type Failure, checkOptions } from "../base/options.ts";
import { type Shape, formatShape, sameShape, sizeOf } from "../ir/shape.ts";
import { Tensor } from "../ir/tensor.ts";
import { full, random } from "../ops/index.ts";
import { drawn } from "./large.ts";
import { leavesUnfilled, unfilled } from "./unfilled.ts";

/** Makes a parameter. The same key gives the same bits on every machine. */
export type Initializer = (key: Tensor, shape: Shape, dtype: DType) => Tensor;

/** All `value`. */
export function constant(value: number): Initializer {
  return (_key, shape, dtype) => full(shape, value, { dtype });
}

/** All 0. */
export const zeros: Initializer = constant(0);
/** All 1. */
export const ones: Initializer = constant(1);

/** Normal with the given mean and standard deviation. */
export function randomNormal(
  options: { readonly mean?: number; readonly std?: number } = {},
): Initializer {
  checkOptions("randomNormal", options, ["mean", "std"]);
  const { mean = 0, std = 0.05 } = options;
  return (key, shape, dtype) =>
    drawn((k, part) => random.normal(k, part, { dtype, mean, std }), key, shape, dtype);
}

/** Uniform in [min, max). */
export function randomUniform(
  options: { readonly min?: number; readonly max?: number } = {},
): Initializer {
  checkOptions("randomUniform", options, ["min", "max"]);
  const { min = -0.05, max = 0.05 } = options;
  return (key, shape, dtype) =>
    drawn((k, part) => random.uniform(k, part, { dtype, min, max }), key, shape, dtype);
}

/** Normal without what lies beyond two standard deviations `std` (those of the normal before it is cut). */
export function truncatedNormal(
  options: { readonly mean?: number; readonly std?: number } = {},
): Initializer {
  checkOptions("truncatedNormal", options, ["mean", "std"]);
  const { mean = 0, std = 0.05 } = options;
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

/** Options of `varianceScaling`, with Keras' names and defaults. */
export interface VarianceScalingOptions {
  /** 1 unless given. */
  readonly scale?: number;
  /** What counts: the units that feed one (`fanIn`, unless given), those that one feeds, or the average of both. */
  readonly mode?: "fanIn" | "fanOut" | "fanAverage";
  /** `truncatedNormal` (at two standard deviations) unless given. */
  readonly distribution?: "truncatedNormal" | "uniform";
}

/** Random numbers of mean 0 and variance scale / fan. Throws ArgumentError for options it does not know or cannot use. */
export function varianceScaling(options: VarianceScalingOptions = {}): Initializer {
  checkOptions("varianceScaling", options, ["scale", "mode", "distribution"]);
  const { scale = 1, mode = "fanIn", distribution = "truncatedNormal" } = options;
  const wrong = (name: string, expected: string, value: unknown): ArgumentError =>
    new ArgumentError(complaint(`varianceScaling: ${name}`, expected, describe(value)));
  if (!(Number.isFinite(scale) && scale > 0)) throw wrong("scale", "a positive number", scale);
  if (!["fanIn", "fanOut", "fanAverage"].includes(mode))
    throw wrong("mode", "fanIn, fanOut or fanAverage", mode);
  if (distribution !== "truncatedNormal" && distribution !== "uniform")
    throw wrong("distribution", "truncatedNormal or uniform", distribution);
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
export const initializers: {
  readonly zeros: Initializer;
  readonly ones: Initializer;
  readonly randomNormal: Initializer;
  readonly randomUniform: Initializer;
  readonly truncatedNormal: Initializer;
  readonly glorotUniform: Initializer;
  readonly glorotNormal: Initializer;
  readonly heUniform: Initializer;
  readonly heNormal: Initializer;
  readonly lecunNormal: Initializer;
} = {
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
};

/** One for each function: a layer is known by its functions, among others. */
const checkedOnes = new WeakMap<Initializer, Initializer>();

/** The initialiser, which throws ShapeError where it makes anything but what it is asked for. */
function checked(initializer: Initializer): Initializer {
  let known = checkedOnes.get(initializer);
  if (known === undefined) {
    known = (key, shape, dtype) => {
      const made: unknown = initializer(key, shape, dtype);
      if (made instanceof Tensor && sameShape(made.shape, shape) && made.dtype === dtype)
        return made;
      throw new ShapeError(
        complaint(
          "initializer",
          `a tensor of ${dtype} and shape ${formatShape(shape)}`,
          made instanceof Tensor ? `${made.dtype} ${formatShape(made.shape)}` : describe(made),
          "It is called with a key, a shape and a dtype.",
        ),
      );
    };
    checkedOnes.set(initializer, known);
    checkedOnes.set(known, known);
  }
  return known;
}

/** Names of the initialisers. */
export type InitializerName = keyof typeof initializers;

/** The function for a name, or the function given. Throws `Fails` naming `who` and the known names. */
export function initializerOf(
  who: string,
  initializer: unknown,
  Fails: Failure = ArgumentError,
): Initializer {
  if (leavesUnfilled()) return unfilled;
  if (typeof initializer === "function") return checked(initializer as Initializer);
  if (typeof initializer === "string" && Object.hasOwn(initializers, initializer))
    return initializers[initializer as InitializerName];
  throw new Fails(
    complaint(
      who,
      `a function, or one of ${Object.keys(initializers).join(", ")}`,
      describe(initializer),
    ),
  );
}
