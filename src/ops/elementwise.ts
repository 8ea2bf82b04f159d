/** @file Elementwise functions that are primitives: arithmetic, comparisons, logic, choices. All broadcast. */
import type { DType } from "../ir/dtype.ts";
import { DTypeError, complaint } from "../base/errors.ts";
import type { BinaryPrim, ComparePrim, UnaryPrim } from "../ir/prim.ts";
import { Tensor } from "../ir/tensor.ts";
import { broadcastShapes } from "../ir/shape.ts";
import { bind1, requireTensor } from "./bind.ts";
import { composite } from "./composite.ts";
import { type TensorLike, operand, operands } from "./operand.ts";
import { broadcastTo } from "./shaping.ts";

type Unary = (x: TensorLike) => Tensor;
type Binary = (x: TensorLike, y: TensorLike) => Tensor;

const unary =
  (prim: UnaryPrim): Unary =>
  (x) =>
    bind1(prim, [operand(prim, x)], {});
const binary =
  (prim: BinaryPrim | ComparePrim, name: string): Binary =>
  (x, y) =>
    bind1(prim, operands(name, [x, y]), {});

/** -x of every element, of int32 or floats; -0 for 0 in floats. Throws DTypeError for bool. */
export const neg: Unary = unary("neg");
/** |x|; derivative 0 at 0. */
export const abs: Unary = unary("abs");
/** -1, 0 or 1 (NaN stays). */
export const sign: Unary = unary("sign");
/** The largest integer not above x; derivative 0. */
export const floor: Unary = unary("floor");
/** The smallest integer not below x; derivative 0. */
export const ceil: Unary = unary("ceil");
/** To the nearest integer, halves to even. */
export const round: Unary = unary("round");
/** Square root; NaN below 0; the derivative at 0 is infinite. */
export const sqrt: Unary = unary("sqrt");
/** e to the power x: infinite where the dtype overflows. Throws DTypeError unless x is of floats. */
export const exp: Unary = unary("exp");
/** e^x - 1, exact near 0. */
export const expm1: Unary = unary("expm1");
/** Natural logarithm: NaN below 0, -Infinity at 0. Throws DTypeError unless x is of floats. */
export const log: Unary = unary("log");
/** log(1 + x), exact near 0. */
export const log1p: Unary = unary("log1p");
/** Sine of an angle in radians. Throws DTypeError unless x is of floats. */
export const sin: Unary = unary("sin");
/** Cosine of an angle in radians. Throws DTypeError unless x is of floats. */
export const cos: Unary = unary("cos");
/** Tangent of an angle in radians. Throws DTypeError unless x is of floats. */
export const tan: Unary = unary("tan");
/** Arc tangent in [-pi/2, pi/2]. */
export const atan: Unary = unary("atan");
/** Hyperbolic tangent, in [-1, 1]. Throws DTypeError unless x is of floats. */
export const tanh: Unary = unary("tanh");
/** Error function: 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x. */
export const erf: Unary = unary("erf");

/**
 * The sum x + y of elements of one dtype, int32 or floats. Throws DTypeError for others, ShapeError for shapes that do not
 * broadcast. int32 wraps around.
 */
export const add: Binary = binary("add", "add");
/**
 * The difference x - y of elements of one dtype, int32 or floats. Throws DTypeError for others, ShapeError for shapes that do
 * not broadcast. int32 wraps around.
 */
export const sub: Binary = binary("sub", "sub");
/**
 * The product x y of elements of one dtype, int32 or floats. Throws DTypeError for others, ShapeError for shapes that do not
 * broadcast. int32 wraps around.
 */
export const mul: Binary = binary("mul", "mul");
/** x / y, floats only. */
export const div: Binary = binary("div", "div");
/** Remainder with the sign of the dividend, as JavaScript's %. */
export const rem: Binary = binary("rem", "rem");
/** The larger; NaN if either is; at ties the derivative goes to x. */
export const maximum: Binary = binary("max", "maximum");
/** The smaller; NaN if either is; at ties the derivative goes to x. */
export const minimum: Binary = binary("min", "minimum");
/** x == y, as bool. */
export const equal: Binary = binary("eq", "equal");
/** x != y, as bool. */
export const notEqual: Binary = binary("ne", "notEqual");
/** x < y, as bool. */
export const less: Binary = binary("lt", "less");
/** x <= y, as bool. */
export const lessEqual: Binary = binary("le", "lessEqual");
/** x > y, as bool. */
export const greater: Binary = binary("gt", "greater");
/** x >= y, as bool. */
export const greaterEqual: Binary = binary("ge", "greaterEqual");
/** Whether both x and y hold, as bool. Throws DTypeError unless both are bool. */
export const logicalAnd: Binary = (x, y) => bind1("and", operands("logicalAnd", [x, y]), {});
/** Whether x, y or both hold, as bool. Throws DTypeError unless both are bool. */
export const logicalOr: Binary = (x, y) => bind1("or", operands("logicalOr", [x, y]), {});
/** Whether x is false, as bool. Throws DTypeError unless x is bool. */
export const logicalNot: Unary = (x) => bind1("not", [operand("logicalNot", x)], {});

/** Integer exponents up to this are products: exact rules, and faster than the general power. */
const largestProduct = 8;

/** x^y. A number y that is a small integer is computed by products. */
export function pow(x: TensorLike, y: TensorLike): Tensor {
  if (typeof y !== "number" || !Number.isInteger(y) || Math.abs(y) > largestProduct)
    return binary("pow", "pow")(x, y);
  const base = operand("pow", x);
  if (y < 0) return div(1, pow(base, -y));
  if (y === 0) return bind1("pow", operands("pow", [base, 0]), {});
  let result: Tensor | undefined;
  for (let square = base, left = y; ; square = mul(square, square)) {
    if (left & 1) result = result === undefined ? square : mul(result, square);
    left >>= 1;
    if (left === 0) return result!;
  }
}

/** Remainder with the sign of the divisor, as NumPy's mod. */
export function mod(x: TensorLike, y: TensorLike): Tensor {
  const [a, b] = operands("mod", [x, y]) as [Tensor, Tensor];
  const r = rem(a, b);
  const otherSign = logicalAnd(notEqual(r, 0), notEqual(less(r, 0), less(b, 0)));
  return where(otherSign, add(r, b), r);
}

/** x times x, of int32 or floats; the derivative is 2 x. Throws DTypeError for bool. */
export function square(x: TensorLike): Tensor {
  const a = operand("square", x);
  return mul(a, a);
}

/** The quotient 1 / x: infinite at 0, with the sign of the zero. Throws DTypeError unless x is of floats. */
export function reciprocal(x: TensorLike): Tensor {
  return div(1, operand("reciprocal", x));
}

/** The reciprocal square root, 1 / sqrt(x): NaN below 0, infinite at 0. Throws DTypeError unless x is of floats. */
export function rsqrt(x: TensorLike): Tensor {
  return div(1, sqrt(x));
}

/** x limited to [low, high]; at the ends the derivative is 1. */
export function clip(x: TensorLike, low: TensorLike, high: TensorLike): Tensor {
  if (!(x instanceof Tensor) || typeof low !== "number" || typeof high !== "number")
    return minimum(maximum(x, low), high);
  return composite("clip", { low, high }, [x], (a) => minimum(maximum(a, low), high));
}

/** Whether an element is NaN, as bool. */
export function isNaN(x: TensorLike): Tensor {
  const a = operand("isNaN", x);
  return notEqual(a, a);
}

/** Whether an element is neither infinite nor NaN, as bool. */
export function isFinite(x: TensorLike): Tensor {
  const a = operand("isFinite", x);
  return a.dtype === "float32" || a.dtype === "float64" ? less(abs(a), Infinity) : equal(a, a);
}

/**
 * `x` where the condition holds, `y` elsewhere; all three broadcast. Throws DTypeError unless the condition is bool and x and y
 * have one dtype, ShapeError for shapes that do not broadcast.
 */
export function where(condition: TensorLike, x: TensorLike, y: TensorLike): Tensor {
  const c = operand("where", condition);
  if (c.dtype !== "bool")
    throw new DTypeError(
      complaint("where", "a bool condition", c.dtype, 'Compare, or use cast("bool").'),
    );
  const [a, b] = operands("where", [x, y], c.shape) as [Tensor, Tensor];
  return bind1("select", [broadcastTo(c, broadcastShapes("where", c.shape, a.shape)), a, b], {});
}

/** The elements in another dtype. Floats to int32 truncate and saturate; anything to bool is x != 0. */
export function cast(x: Tensor, dtype: DType): Tensor {
  return requireTensor("cast", x).dtype === dtype ? x : bind1("cast", [x], { dtype });
}

/** x, taken as a constant by every derivative. */
export function stopGradient(x: Tensor): Tensor {
  return bind1("stopGradient", [requireTensor("stopGradient", x)], {});
}
