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

/** -x */
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
/** e^x */
export const exp: Unary = unary("exp");
/** e^x - 1, exact near 0. */
export const expm1: Unary = unary("expm1");
/** Natural logarithm. */
export const log: Unary = unary("log");
/** log(1 + x), exact near 0. */
export const log1p: Unary = unary("log1p");
/** Sine of radians. */
export const sin: Unary = unary("sin");
/** Cosine of radians. */
export const cos: Unary = unary("cos");
/** Tangent of radians. */
export const tan: Unary = unary("tan");
/** Arc tangent in [-pi/2, pi/2]. */
export const atan: Unary = unary("atan");
/** Hyperbolic tangent. */
export const tanh: Unary = unary("tanh");
/** Error function: 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x. */
export const erf: Unary = unary("erf");

/** x + y */
export const add: Binary = binary("add", "add");
/** x - y */
export const sub: Binary = binary("sub", "sub");
/** x * y */
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
/** Both hold (bool). */
export const logicalAnd: Binary = (x, y) => bind1("and", operands("logicalAnd", [x, y]), {});
/** Either holds (bool). */
export const logicalOr: Binary = (x, y) => bind1("or", operands("logicalOr", [x, y]), {});
/** Does not hold (bool). */
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

/** x^2 */
export function square(x: TensorLike): Tensor {
  const a = operand("square", x);
  return mul(a, a);
}

/** 1 / x */
export function reciprocal(x: TensorLike): Tensor {
  return div(1, operand("reciprocal", x));
}

/** 1 / sqrt(x) */
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

/** `x` where the condition (bool) holds, `y` elsewhere; all three broadcast. */
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
