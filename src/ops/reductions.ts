/**
 * @file Reductions over axes (all by default; negative ones count from the end), keeping them with extent 1 on request.
 * Sums of nothing are 0, products 1; extrema of nothing are a ShapeError.
 */
import { isFloat } from "../ir/dtype.ts";
import { ArgumentError, DTypeError, complaint } from "../base/errors.ts";
import type { ReducePrim } from "../ir/prim.ts";
import { normalizeAxes, normalizeAxis, sizeOf } from "../ir/shape.ts";
import type { Tensor } from "../ir/tensor.ts";
import { bind1, requireTensor } from "./bind.ts";
import {
  abs,
  add,
  cast,
  div,
  exp,
  equal,
  isFinite,
  log,
  logicalNot,
  mul,
  notEqual,
  sqrt,
  square,
  stopGradient,
  sub,
  where,
} from "./elementwise.ts";
import { composite } from "./composite.ts";
import { reshape } from "./shaping.ts";

/** One axis, several, or (undefined) all. */
export type Axes = number | readonly number[] | undefined;
type Reduction = (x: Tensor, axes?: Axes, keepDims?: boolean) => Tensor;

function keep(x: Tensor, reduced: Tensor, axes: readonly number[], keepDims: boolean): Tensor {
  return keepDims
    ? reshape(
        reduced,
        x.shape.map((n, axis) => (axes.includes(axis) ? 1 : n)),
      )
    : reduced;
}

function reduction(prim: ReducePrim, name: string): Reduction {
  return (x, axes, keepDims = false) => {
    requireTensor(name, x);
    if (x.dtype === "bool")
      throw new DTypeError(
        complaint(name, "numbers", "bool", 'Use cast("int32"), or any() and all().'),
      );
    const list = normalizeAxes(name, axes, x.rank);
    return keep(x, list.length === 0 ? x : bind1(prim, [x], { axes: list }), list, keepDims);
  };
}

/** Sum of the elements. */
export const sum: Reduction = reduction("reduceSum", "sum");
/** Product; its derivative is right at zeros. */
export const prod: Reduction = reduction("reduceProd", "prod");
/** Largest element; the derivative is split evenly among ties. */
export const max: Reduction = reduction("reduceMax", "max");
/** Smallest element; the derivative is split evenly among ties. */
export const min: Reduction = reduction("reduceMin", "min");

/** Whether any element along the axes holds, as bool; false of none. Throws DTypeError unless x is bool. */
export function any(x: Tensor, axes?: Axes, keepDims = false): Tensor {
  if (requireTensor("any", x).dtype !== "bool")
    throw new DTypeError(complaint("any", "bool", x.dtype, "Compare first."));
  return notEqual(sum(cast(x, "int32"), axes, keepDims), 0);
}

/** Whether all elements along the axes hold, as bool; true of none. Throws DTypeError unless x is bool. */
export function all(x: Tensor, axes?: Axes, keepDims = false): Tensor {
  if (requireTensor("all", x).dtype !== "bool")
    throw new DTypeError(complaint("all", "bool", x.dtype, "Compare first."));
  return equal(sum(cast(logicalNot(x), "int32"), axes, keepDims), 0);
}

function requireFloat(who: string, x: Tensor): void {
  if (!isFloat(requireTensor(who, x).dtype))
    throw new DTypeError(complaint(who, "a float tensor", x.dtype, 'Use cast("float32").'));
}

function countOver(x: Tensor, axes: Axes, who: string): number {
  return sizeOf(normalizeAxes(who, axes, x.rank).map((axis) => x.shape[axis]!));
}

/** Arithmetic mean; NaN of nothing. */
export function mean(x: Tensor, axes?: Axes, keepDims = false): Tensor {
  requireFloat("mean", x);
  const along = normalizeAxes("mean", axes, x.rank);
  const count = sizeOf(along.map((axis) => x.shape[axis]!));
  return composite("mean", { axes: along, keepDims }, [x], (a) =>
    div(sum(a, along, keepDims), count),
  );
}

/** Mean squared deviation from the mean; the divisor is the count less `correction` (0: population, 1: sample). */
export function variance(x: Tensor, axes?: Axes, keepDims = false, correction = 0): Tensor {
  requireFloat("variance", x);
  const squares = square(sub(x, mean(x, axes, true)));
  if (correction === 0) return mean(squares, axes, keepDims);
  return div(
    sum(squares, axes, keepDims),
    Math.max(0, countOver(x, axes, "variance") - correction),
  );
}

/** Square root of the variance. */
export function std(x: Tensor, axes?: Axes, keepDims = false, correction = 0): Tensor {
  requireFloat("std", x);
  return sqrt(variance(x, axes, keepDims, correction));
}

function argReduction(
  prim: "argMax" | "argMin",
): (x: Tensor, axis?: number, keepDims?: boolean) => Tensor {
  return (x, axis, keepDims = false) => {
    requireTensor(prim, x);
    if (axis === undefined) {
      const index = bind1(prim, [reshape(x, [x.size])], { axis: 0 });
      return keepDims
        ? reshape(
            index,
            x.shape.map(() => 1),
          )
        : index;
    }
    const along = normalizeAxis(prim, axis, x.rank);
    return keep(x, bind1(prim, [x], { axis: along }), [along], keepDims);
  };
}

/** int32 index of the first largest element along an axis, or in the flattened tensor; NaN counts as largest. */
export const argMax: (x: Tensor, axis?: number, keepDims?: boolean) => Tensor =
  argReduction("argMax");
/** int32 index of the first smallest element along an axis, or in the flattened tensor; NaN counts as smallest. */
export const argMin: (x: Tensor, axis?: number, keepDims?: boolean) => Tensor =
  argReduction("argMin");

/** Running sum along an axis, from the end if `reverse`. */
export function cumSum(x: Tensor, axis = 0, reverse = false): Tensor {
  requireTensor("cumSum", x);
  return bind1("cumSum", [x], { axis: normalizeAxis("cumSum", axis, x.rank), reverse });
}

/** The maximum to subtract before exp: a constant to derivatives, 0 where it is not finite. */
function shift(x: Tensor, axes: Axes): Tensor {
  const largest = stopGradient(max(x, axes, true));
  return where(isFinite(largest), largest, 0);
}

/** log of the sum of exp(x), without overflow. */
export function logSumExp(x: Tensor, axes?: Axes, keepDims = false): Tensor {
  requireFloat("logSumExp", x);
  const m = shift(x, axes);
  const total = add(log(sum(exp(sub(x, m)), axes, true)), m);
  return keepDims ? total : reshape(total, sum(x, axes).shape);
}

/** exp(x) / sum of exp(x) along axes (the last by default). */
export function softmax(x: Tensor, axes: Axes = -1): Tensor {
  requireFloat("softmax", x);
  const along = normalizeAxes("softmax", axes, x.rank);
  return composite("softmax", { axes: along }, [x], (a) => {
    const e = exp(sub(a, shift(a, along)));
    return div(e, sum(e, along, true));
  });
}

/** x - logSumExp(x) along axes (the last by default). */
export function logSoftmax(x: Tensor, axes: Axes = -1): Tensor {
  requireFloat("logSoftmax", x);
  const along = normalizeAxes("logSoftmax", axes, x.rank);
  return composite("logSoftmax", { axes: along }, [x], (a) => {
    const shifted = sub(a, shift(a, along));
    return sub(shifted, log(sum(exp(shifted), along, true)));
  });
}

/**
 * Vector norm over axes: order 1 (sum of |x|), 2 (Euclid; derivative 0 at the zero vector) or Infinity (largest |x|). Throws
 * ArgumentError for other orders, DTypeError unless x is of floats.
 */
export function norm(
  x: Tensor,
  axes?: Axes,
  keepDims = false,
  order: 1 | 2 | typeof Infinity = 2,
): Tensor {
  requireFloat("norm", x);
  if (order === 1) return sum(abs(x), axes, keepDims);
  if (order === Infinity) return max(abs(x), axes, keepDims);
  if (order !== 2)
    throw new ArgumentError(complaint("norm", "order 1, 2 or Infinity", String(order)));
  const squares = sum(mul(x, x), axes, keepDims);
  const zero = equal(squares, 0);
  return where(zero, 0, sqrt(where(zero, 1, squares)));
}
