/** @file The functions of this room as methods of Tensor: one table, one documented interface. */
import type { DType } from "../ir/dtype.ts";
import type { Shape } from "../ir/shape.ts";
import { Tensor } from "../ir/tensor.ts";
import { onesLike, zerosLike } from "./creation.ts";
import * as elementwise from "./elementwise.ts";
import * as functions from "./functions.ts";
import { type Indices, gather, oneHot, scatterAdd, take, takeAlongAxis } from "./indexing.ts";
import { dot, matmul, outer } from "./linear.ts";
import type { TensorLike } from "./operand.ts";
import * as reductions from "./reductions.ts";
import type { Axes } from "./reductions.ts";
import * as shaping from "./shaping.ts";
import type { PadWidth, SliceBounds } from "./shaping.ts";

/** Methods of every tensor. Numbers adopt the tensor's dtype, shapes broadcast, axes may count from the end. */
export interface TensorMethods {
  /** x + y */
  add(y: TensorLike): Tensor;
  /** x - y */
  sub(y: TensorLike): Tensor;
  /** x * y */
  mul(y: TensorLike): Tensor;
  /** x / y (floats) */
  div(y: TensorLike): Tensor;
  /** x to the power y; a small integer as a number is computed by products. */
  pow(y: TensorLike): Tensor;
  /** Remainder with the sign of the divisor, as NumPy's. */
  mod(y: TensorLike): Tensor;
  /** Remainder with the sign of the dividend, as JavaScript's %. */
  rem(y: TensorLike): Tensor;
  /** The larger of both; NaN if either is. */
  maximum(y: TensorLike): Tensor;
  /** The smaller of both; NaN if either is. */
  minimum(y: TensorLike): Tensor;
  /** x limited to [low, high]. */
  clip(low: TensorLike, high: TensorLike): Tensor;
  /** Angle of the point (x, this). */
  atan2(x: TensorLike): Tensor;
  /** -x */
  neg(): Tensor;
  /** |x| */
  abs(): Tensor;
  /** -1, 0 or 1 */
  sign(): Tensor;
  floor(): Tensor;
  ceil(): Tensor;
  /** To the nearest integer, halves to even. */
  round(): Tensor;
  sqrt(): Tensor;
  /** 1 / sqrt(x) */
  rsqrt(): Tensor;
  /** x * x */
  square(): Tensor;
  /** 1 / x */
  reciprocal(): Tensor;
  exp(): Tensor;
  /** e^x - 1, exact near 0. */
  expm1(): Tensor;
  /** Natural logarithm. */
  log(): Tensor;
  /** log(1 + x), exact near 0. */
  log1p(): Tensor;
  sin(): Tensor;
  cos(): Tensor;
  tan(): Tensor;
  asin(): Tensor;
  acos(): Tensor;
  atan(): Tensor;
  sinh(): Tensor;
  cosh(): Tensor;
  tanh(): Tensor;
  asinh(): Tensor;
  acosh(): Tensor;
  atanh(): Tensor;
  /** 1 / (1 + e^-x) */
  sigmoid(): Tensor;
  /** max(0, x) */
  relu(): Tensor;
  /** log(1 + e^x) */
  softplus(): Tensor;
  /** Error function. */
  erf(): Tensor;
  /** Inverse error function. */
  erfInv(): Tensor;
  /** x == y, as bool. */
  equal(y: TensorLike): Tensor;
  /** x != y, as bool. */
  notEqual(y: TensorLike): Tensor;
  /** x < y, as bool. */
  less(y: TensorLike): Tensor;
  /** x <= y, as bool. */
  lessEqual(y: TensorLike): Tensor;
  /** x > y, as bool. */
  greater(y: TensorLike): Tensor;
  /** x >= y, as bool. */
  greaterEqual(y: TensorLike): Tensor;
  logicalAnd(y: TensorLike): Tensor;
  logicalOr(y: TensorLike): Tensor;
  logicalNot(): Tensor;
  isNaN(): Tensor;
  isFinite(): Tensor;
  /** x where the condition (bool) holds, `other` elsewhere. */
  where(condition: TensorLike, other: TensorLike): Tensor;
  /** The elements in another dtype. */
  cast(dtype: DType): Tensor;
  /** x, taken as a constant by every derivative. */
  stopGradient(): Tensor;
  sum(axes?: Axes, keepDims?: boolean): Tensor;
  /** Arithmetic mean. */
  mean(axes?: Axes, keepDims?: boolean): Tensor;
  /** Product. */
  prod(axes?: Axes, keepDims?: boolean): Tensor;
  /** Largest element. */
  max(axes?: Axes, keepDims?: boolean): Tensor;
  /** Smallest element. */
  min(axes?: Axes, keepDims?: boolean): Tensor;
  /** Whether any element (bool) holds. */
  any(axes?: Axes, keepDims?: boolean): Tensor;
  /** Whether all elements (bool) hold. */
  all(axes?: Axes, keepDims?: boolean): Tensor;
  /** Mean squared deviation from the mean; the divisor is the count less `correction`. */
  variance(axes?: Axes, keepDims?: boolean, correction?: number): Tensor;
  /** Square root of the variance. */
  std(axes?: Axes, keepDims?: boolean, correction?: number): Tensor;
  /** int32 index of the first largest element along an axis, or in the flattened tensor. */
  argMax(axis?: number, keepDims?: boolean): Tensor;
  /** int32 index of the first smallest element along an axis, or in the flattened tensor. */
  argMin(axis?: number, keepDims?: boolean): Tensor;
  /** Running sum along an axis (0 by default), from the end if `reverse`. */
  cumSum(axis?: number, reverse?: boolean): Tensor;
  /** log of the sum of exp(x), without overflow. */
  logSumExp(axes?: Axes, keepDims?: boolean): Tensor;
  /** exp(x) / sum of exp(x), along the last axis by default. */
  softmax(axes?: Axes): Tensor;
  /** Logarithm of the softmax. */
  logSoftmax(axes?: Axes): Tensor;
  /** Vector norm of order 1, 2 (default) or Infinity. */
  norm(axes?: Axes, keepDims?: boolean, order?: number): Tensor;
  /** Matrix product; vectors and batches as in NumPy. */
  matmul(b: Tensor): Tensor;
  /** Sum of products of two vectors. */
  dot(b: Tensor): Tensor;
  /** All products of elements: [this.size, b.size]. */
  outer(b: Tensor): Tensor;
  /** The same elements in another shape; one extent may be -1. */
  reshape(shape: Shape): Tensor;
  /** Axes in another order (reversed by default): output axis i is input axis perm[i]. */
  transpose(perm?: readonly number[]): Tensor;
  /** Two axes exchanged. */
  swapAxes(a: number, b: number): Tensor;
  /** Without axes of extent 1. */
  squeeze(axes?: number | readonly number[]): Tensor;
  /** With new axes of extent 1 at these places of the result. */
  expandDims(axes?: number | readonly number[]): Tensor;
  /** All elements along one axis. */
  flatten(): Tensor;
  /** Repeated along axes of extent 1 until it has the shape. */
  broadcastTo(shape: Shape): Tensor;
  /** A part, by Python's slicing rules on every axis. */
  slice(starts?: SliceBounds, stops?: SliceBounds, steps?: SliceBounds): Tensor;
  /** The element, row, ... at an index along an axis (0 by default), without that axis. */
  at(index: number, axis?: number): Tensor;
  /** Elements in reverse order along the axes (all by default). */
  flip(axes?: number | readonly number[]): Tensor;
  /** With `value` (0) around it: one width, or [before, after, between] an axis. */
  pad(widths: number | readonly PadWidth[], value?: number): Tensor;
  /** Joined with others along an axis that they have. */
  concat(others: Tensor | readonly Tensor[], axis?: number): Tensor;
  /** Parts along an axis: so many equal ones, or of the given extents. */
  split(parts: number | readonly number[], axis?: number): Tensor[];
  /** Laid side by side so often along each axis. */
  tile(repetitions: number | readonly number[]): Tensor;
  /** Each element so often in a row along an axis. */
  repeat(times: number, axis?: number): Tensor;
  /** Slices at indices along an axis. */
  take(indices: Indices, axis?: number): Tensor;
  /** As `take`. */
  gather(indices: Indices, axis?: number): Tensor;
  /** Element by element along an axis (the last by default). */
  takeAlongAxis(indices: Tensor, axis?: number): Tensor;
  /** Zeros of extent `size` on `axis` with these elements added at indices. */
  scatterAdd(indices: Indices, size: number, axis?: number): Tensor;
  /** 1 at each index on a new last axis of extent `depth`. */
  oneHot(depth: number, options?: { readonly dtype?: DType }): Tensor;
  /** Zeros of this shape and dtype. */
  zerosLike(): Tensor;
  /** Ones of this shape and dtype. */
  onesLike(): Tensor;
}

declare module "../ir/tensor.ts" {
  interface Tensor extends TensorMethods {}
}

/** A function whose first argument is the tensor, for each method. */
type Table = {
  readonly [K in keyof TensorMethods]: (
    x: Tensor,
    ...rest: Parameters<TensorMethods[K]>
  ) => ReturnType<TensorMethods[K]>;
};

const { add, sub, mul, div, pow, mod, rem, maximum, minimum, clip } = elementwise;
const {
  neg,
  abs,
  sign,
  floor,
  ceil,
  round,
  sqrt,
  rsqrt,
  square,
  reciprocal,
  exp,
  expm1,
  log,
  log1p,
  sin,
  cos,
  tan,
  atan,
  tanh,
  erf,
} = elementwise;
const {
  equal,
  notEqual,
  less,
  lessEqual,
  greater,
  greaterEqual,
  logicalAnd,
  logicalOr,
  logicalNot,
  cast,
  stopGradient,
} = elementwise;
const { atan2, asin, acos, sinh, cosh, asinh, acosh, atanh, sigmoid, relu, softplus, erfInv } =
  functions;
const {
  sum,
  mean,
  prod,
  max,
  min,
  any,
  all,
  variance,
  std,
  argMax,
  argMin,
  cumSum,
  logSumExp,
  softmax,
  logSoftmax,
  norm,
} = reductions;
const {
  reshape,
  transpose,
  swapAxes,
  squeeze,
  expandDims,
  flatten,
  broadcastTo,
  slice,
  at,
  flip,
  pad,
  split,
  tile,
  repeat,
} = shaping;

const methods: Table = {
  add,
  sub,
  mul,
  div,
  pow,
  mod,
  rem,
  maximum,
  minimum,
  clip,
  atan2,
  neg,
  abs,
  sign,
  floor,
  ceil,
  round,
  sqrt,
  rsqrt,
  square,
  reciprocal,
  exp,
  expm1,
  log,
  log1p,
  sin,
  cos,
  tan,
  asin,
  acos,
  atan,
  sinh,
  cosh,
  tanh,
  asinh,
  acosh,
  atanh,
  sigmoid,
  relu,
  softplus,
  erf,
  erfInv,
  equal,
  notEqual,
  less,
  lessEqual,
  greater,
  greaterEqual,
  logicalAnd,
  logicalOr,
  logicalNot,
  isNaN: elementwise.isNaN,
  isFinite: elementwise.isFinite,
  where: (x, condition, other) => elementwise.where(condition, x, other),
  cast,
  stopGradient,
  sum,
  mean,
  prod,
  max,
  min,
  any,
  all,
  variance,
  std,
  argMax,
  argMin,
  cumSum,
  logSumExp,
  softmax,
  logSoftmax,
  norm,
  matmul,
  dot,
  outer,
  reshape,
  transpose,
  swapAxes,
  squeeze,
  expandDims,
  flatten,
  broadcastTo,
  slice,
  at,
  flip,
  pad,
  concat: (x, others, axis) =>
    shaping.concat([x, ...(others instanceof Tensor ? [others] : others)], axis),
  split,
  tile,
  repeat,
  take,
  gather,
  takeAlongAxis,
  scatterAdd,
  oneHot,
  zerosLike,
  onesLike,
};

for (const [name, fn] of Object.entries(methods) as [
  string,
  (x: Tensor, ...rest: never[]) => unknown,
][])
  Object.defineProperty(Tensor.prototype, name, {
    value(this: Tensor, ...rest: never[]) {
      return fn(this, ...rest);
    },
    configurable: true,
    writable: true,
  });
