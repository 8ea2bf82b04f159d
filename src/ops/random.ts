/**
 * @file Random tensors from explicit keys: the same key gives the same bits on every machine. A key is an int32 tensor [2];
 * use each once, and `split` it for more. Bits come from Threefry (`prims/random.ts`), numbers from primitives alone.
 */
import type { DType } from "../ir/dtype.ts";
import { ArgumentError, DTypeError, complaint, describe } from "../base/errors.ts";
import { checkOptions } from "../base/options.ts";
import { type Shape, checkShape, sizeOf } from "../ir/shape.ts";
import { Tensor } from "../ir/tensor.ts";
import { untraced } from "../ir/trace.ts";
import { bind1 } from "./bind.ts";
import { iota, tensor } from "./creation.ts";
import {
  add,
  cast,
  clip,
  cos,
  equal,
  erf,
  floor,
  less,
  log,
  logicalAnd,
  logicalOr,
  mul,
  sin,
  sqrt,
  sub,
} from "./elementwise.ts";
import { erfInv } from "./functions.ts";
import { type TensorLike, operand } from "./operand.ts";
import { sum } from "./reductions.ts";
import { at, broadcastTo, expandDims, reshape, slice, stack } from "./shaping.ts";

/** Some keys: as a tuple for the numbers most often asked for. */
export type Keys<N extends number> = N extends 2
  ? [Tensor, Tensor]
  : N extends 3
    ? [Tensor, Tensor, Tensor]
    : N extends 4
      ? [Tensor, Tensor, Tensor, Tensor]
      : Tensor[];

type FloatDType = "float32" | "float64";

/**
 * The key (int32 [2]) of a seed, an integer in [0, 2^53): its words are the seed's high and low 32 bits. Throws ArgumentError
 * for other seeds.
 */
export function key(seed: number): Tensor {
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new ArgumentError(
      complaint("random.key", "an integer seed in [0, 2^53)", describe(seed)),
    );
  return tensor([Math.floor(seed / 2 ** 32) | 0, seed | 0], { dtype: "int32" });
}

/** Independent keys, two unless another number is given: rows of the bits of `key` in shape [n, 2]. */
export function split<const N extends number = 2>(key: Tensor, n?: N): Keys<N>;
export function split(key: Tensor, n = 2): Tensor[] {
  const rows = bits(key, [n, 2]);
  return Array.from({ length: n }, (_, row) => at(rows, row));
}

/**
 * A key for each value of an integer, such as a step counter (an int32 scalar tensor or a number): Threefry under the key
 * that Threefry derives from `key` in a domain of its own, with the integer added to the first word.
 */
export function foldIn(key: Tensor, data: Tensor | number): Tensor {
  checkKey(key);
  const domain = tensor([0x243f6a88, 0x13198a2e], { dtype: "int32" });
  const derived = bits(add(key, domain), [2]);
  const value = operand("random.foldIn", data, "int32");
  const first = equal(iota([2], 0), 0);
  return bits(add(derived, mul(cast(first, "int32"), value)), [2]);
}

/** Raw bits: int32 words. */
export function bits(key: Tensor, shape: Shape): Tensor {
  checkKey(key);
  return bind1("randomBits", [key], { shape: [...shape] });
}

function checkKey(key: unknown): void {
  if (!(key instanceof Tensor))
    throw new ArgumentError(
      complaint(
        "random",
        "a key",
        describe(key),
        "Keys come from random.key(seed) and random.split.",
      ),
    );
}

function checkFloat(who: string, dtype: DType): asserts dtype is FloatDType {
  if (dtype !== "float32" && dtype !== "float64")
    throw new DTypeError(
      complaint(who, "float32 or float64", describe(dtype), "For integers use random.randint."),
    );
}

/** Words of bits to whole numbers in [0, 2^24) (float32, one word on the last axis) or [0, 2^53) (float64, two), as floats. */
function wholeNumbers(words: Tensor, dtype: FloatDType): Tensor {
  const word = (index: number, shift: number): Tensor =>
    cast(bind1("shiftRight", [at(words, index, -1)], { bits: shift }), dtype);
  return dtype === "float32" ? word(0, 8) : add(mul(word(0, 5), 2 ** 26), word(1, 6));
}

const wordsOf = (dtype: FloatDType): number => (dtype === "float32" ? 1 : 2);
const unitOf = (dtype: FloatDType): number => (dtype === "float32" ? 2 ** -24 : 2 ** -53);

/** Uniform on the multiples of 2^-24 (float32) or 2^-53 (float64) in [0, 1). */
function unit(key: Tensor, shape: Shape, dtype: FloatDType): Tensor {
  return mul(wholeNumbers(bits(key, [...shape, wordsOf(dtype)]), dtype), unitOf(dtype));
}

/** Dtype and range of `uniform`: `min` (0) is included, `max` (1) is not. */
export interface UniformOptions {
  readonly dtype?: DType;
  readonly min?: number;
  readonly max?: number;
}

/**
 * Uniform in [min, max), [0, 1) by default; float32 unless given. Throws ArgumentError unless min <= max, DTypeError for a
 * dtype that is not of floats.
 */
export function uniform(key: Tensor, shape: Shape = [], options: UniformOptions = {}): Tensor {
  checkOptions("random.uniform", options, ["dtype", "min", "max"]);
  const { dtype = "float32", min = 0, max = 1 } = options;
  checkFloat("random.uniform", dtype);
  if (!(min <= max))
    throw new ArgumentError(complaint("random.uniform", "min <= max", `${min} and ${max}`));
  const u = unit(key, shape, dtype);
  return min === 0 && max === 1 ? u : add(mul(u, max - min), min);
}

/** Location and scale of `normal`. */
export interface NormalOptions {
  readonly dtype?: DType;
  readonly mean?: TensorLike;
  readonly std?: TensorLike;
}

/**
 * Normal by Box and Muller (1958): elements 2j and 2j + 1 are r cos a and r sin a of two uniform numbers.
 * float32 unless given; `mean` and `std` may be tensors.
 */
export function normal(key: Tensor, shape: Shape = [], options: NormalOptions = {}): Tensor {
  checkOptions("random.normal", options, ["dtype", "mean", "std"]);
  const { dtype = "float32", mean = 0, std = 1 } = options;
  checkFloat("random.normal", dtype);
  checkShape("random.normal", shape);
  const n = sizeOf(shape);
  const pairs = (n + 1) >> 1;
  const count = wordsOf(dtype);
  const words = bits(key, [pairs, 2, count]);
  // The first number is in (0, 1], where the logarithm is finite.
  const first = mul(add(wholeNumbers(at(words, 0, 1), dtype), 1), unitOf(dtype));
  const radius = sqrt(mul(log(first), -2));
  const angle = mul(wholeNumbers(at(words, 1, 1), dtype), unitOf(dtype) * 2 * Math.PI);
  const both = stack([mul(radius, cos(angle)), mul(radius, sin(angle))], 1);
  const z = reshape(slice(reshape(both, [2 * pairs]), 0, n), shape);
  const scaled = std === 1 ? z : mul(z, std);
  return mean === 0 ? scaled : add(scaled, mean);
}

/** Ends of `truncatedNormal`, in standard deviations from the mean. */
export interface TruncatedNormalOptions {
  readonly dtype?: DType;
  readonly mean?: number;
  readonly std?: number;
  readonly lower?: number;
  readonly upper?: number;
}

/**
 * Normal limited to [mean + lower std, mean + upper std] (lower -2 and upper 2 by default), by the inverse error function.
 * Throws ArgumentError unless lower < upper, DTypeError for a dtype that is not of floats.
 */
export function truncatedNormal(
  key: Tensor,
  shape: Shape = [],
  options: TruncatedNormalOptions = {},
): Tensor {
  checkOptions("random.truncatedNormal", options, ["dtype", "mean", "std", "lower", "upper"]);
  const { dtype = "float32", mean = 0, std = 1, lower = -2, upper = 2 } = options;
  checkFloat("random.truncatedNormal", dtype);
  if (!(lower < upper))
    throw new ArgumentError(
      complaint("random.truncatedNormal", "lower < upper", `${lower} and ${upper}`),
    );
  const [low, high] = [lower, upper].map((end) =>
    erf(operand("random.truncatedNormal", end / Math.SQRT2, dtype)),
  ) as [Tensor, Tensor];
  const u = add(mul(unit(key, shape, dtype), sub(high, low)), low);
  return add(mul(clip(mul(erfInv(u), Math.SQRT2), lower, upper), std), mean);
}

/**
 * A bool tensor, true with probability `p` (0.5; a number or a tensor that broadcasts to the shape). Throws ArgumentError for a
 * number outside [0, 1].
 */
export function bernoulli(
  key: Tensor,
  shape: Shape = [],
  options: { readonly p?: TensorLike } = {},
): Tensor {
  checkOptions("random.bernoulli", options, ["p"]);
  const { p = 0.5 } = options;
  if (typeof p === "number" && !(p >= 0 && p <= 1))
    throw new ArgumentError(complaint("random.bernoulli", "p in [0, 1]", String(p)));
  const dtype = p instanceof Tensor && p.dtype === "float64" ? "float64" : "float32";
  return less(unit(key, shape, dtype), p);
}

/**
 * int32 uniform in [min, max), min 0 by default; the bias of the scaling is below 2^-21 of a count. Throws ArgumentError unless
 * both are integers of 32 bits (max up to 2^31) and min < max.
 */
export function randint(
  key: Tensor,
  shape: Shape,
  options: { readonly min?: number; readonly max: number },
): Tensor {
  checkOptions("random.randint", options, ["min", "max"]);
  const { min = 0, max } = options;
  const isInt32 = (n: number): boolean => Number.isInteger(n) && n === (n | 0);
  if (!isInt32(min) || !Number.isInteger(max) || max > 2 ** 31 || min >= max)
    throw new ArgumentError(
      complaint("random.randint", "32-bit integers min < max", `${min} and ${max}`),
    );
  const u = unit(key, shape, "float64");
  return cast(add(floor(mul(u, max - min)), min), "int32");
}

/**
 * A random order of 0 ... n - 1 (int32 [n]): the rank of each of n random numbers, ties by position. A concrete key is
 * sorted at once in n log n; a traced one compares all pairs (n^2), with the same result.
 */
export function permutation(key: Tensor, n: number): Tensor {
  checkShape("random.permutation", [n]);
  if (key instanceof Tensor && key.elements !== undefined) {
    const values = untraced(() => unit(key, [n], "float64")).data();
    const ranks = new Int32Array(n);
    const order = Array.from({ length: n }, (_, i) => i).sort(
      (a, b) => values[a]! - values[b]! || a - b,
    );
    for (const [rank, i] of order.entries()) ranks[i] = rank;
    return tensor(ranks);
  }
  const values = unit(key, [n], "float64");
  const mine = broadcastTo(expandDims(values, 1), [n, n]);
  const theirs = broadcastTo(values, [n, n]);
  const earlier = less(iota([n, n], 1), iota([n, n], 0));
  const before = logicalOr(less(theirs, mine), logicalAnd(equal(theirs, mine), earlier));
  return sum(cast(before, "int32"), 1);
}

/**
 * `count` distinct numbers of 0 ... n - 1 in random order (int32 [count]): without replacement. Throws ArgumentError unless
 * count is an integer in [0, n].
 */
export function choice(key: Tensor, n: number, count: number): Tensor {
  if (!Number.isInteger(count) || count < 0 || count > n)
    throw new ArgumentError(
      complaint("random.choice", `a count in [0, ${n}] (there is no replacement)`, String(count)),
    );
  return slice(permutation(key, n), 0, count);
}
