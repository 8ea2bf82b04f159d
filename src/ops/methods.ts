/** @file The functions of this room as methods of Tensor: one documented interface, and the functions that fulfil it. */
import type { DType } from "../ir/dtype.ts";
import type { Shape } from "../ir/shape.ts";
import { Tensor } from "../ir/tensor.ts";
import { onesLike, zerosLike } from "./creation.ts";
import * as elementwise from "./elementwise.ts";
import * as functions from "./functions.ts";
import * as indexing from "./indexing.ts";
import type { Indices } from "./indexing.ts";
import * as linear from "./linear.ts";
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
  /** Parts along an axis: a number of equal ones, or parts of the given extents. */
  split(parts: number | readonly number[], axis?: number): Tensor[];
  /** Copies side by side: a number of repetitions for each axis. */
  tile(repetitions: number | readonly number[]): Tensor;
  /** Each element `times` times in a row along an axis. */
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
type Methods = {
  readonly [K in keyof TensorMethods]: (
    x: Tensor,
    ...rest: Parameters<TensorMethods[K]>
  ) => ReturnType<TensorMethods[K]>;
};

/** Takes the methods and nothing else: a function of these files that is not in the interface does not compile. */
const exactly = <T extends Methods>(
  table: T & Readonly<Record<Exclude<keyof T, keyof Methods>, never>>,
): Methods => table;

// Functions of lists are not methods.
const { stack: _, ...shapingMethods } = shaping;

const methods = exactly({
  ...elementwise,
  ...functions,
  ...reductions,
  ...linear,
  ...shapingMethods,
  ...indexing,
  zerosLike,
  onesLike,
  // The two whose first argument is not the tensor.
  where: (x: Tensor, condition: TensorLike, other: TensorLike) =>
    elementwise.where(condition, x, other),
  concat: (x: Tensor, others: Tensor | readonly Tensor[], axis?: number) =>
    shaping.concat([x, ...(others instanceof Tensor ? [others] : others)], axis),
});

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
