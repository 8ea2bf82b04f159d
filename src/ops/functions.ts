/**
 * @file Elementwise functions made of primitives: inverse and hyperbolic functions, activations. Each form is chosen to be
 * accurate near 0 and at the ends of its domain, and to have the right derivative (to any order) wherever there is one.
 */
import type { Tensor } from "../ir/tensor.ts";
import {
  abs,
  add,
  atan,
  div,
  equal,
  erf,
  exp,
  expm1,
  greater,
  less,
  log,
  log1p,
  logicalAnd,
  logicalOr,
  maximum,
  mul,
  neg,
  sqrt,
  square,
  stopGradient,
  sub,
  where,
} from "./elementwise.ts";
import { composite } from "./composite.ts";
import { type TensorLike, floatOperand, operand, operands } from "./operand.ts";

/** `c ? x : y` for two numbers, in the dtype of `like`. */
const choose = (c: Tensor, x: number, y: number, like: Tensor): Tensor =>
  where(c, operand("where", x, like.dtype), y);

/** Whether the sign bit is set, -0 included. */
const hasSign = (x: Tensor): Tensor =>
  logicalOr(less(x, 0), logicalAnd(equal(x, 0), less(div(1, x), 0)));

/** Angle of the point (x, y) in [-pi, pi]; signed zeros and infinities as in IEEE 754. */
export function atan2(y: TensorLike, x: TensorLike): Tensor {
  const [b, a] = operands("atan2", [y, x]) as [Tensor, Tensor];
  // The smaller coordinate over the larger, signed: the quotient is in [-1, 1] and the derivative right on both axes.
  const steep = greater(abs(b), abs(a));
  const den = where(steep, b, a);
  const quotient = div(where(steep, a, b), where(equal(den, 0), 1, den));
  const infinite = logicalAnd(equal(abs(a), Infinity), equal(abs(b), Infinity));
  const angle = atan(where(infinite, choose(equal(hasSign(a), hasSign(b)), 1, -1, a), quotient));
  const half = choose(hasSign(b), -1, 1, b);
  const flat = where(hasSign(a), add(angle, mul(half, Math.PI)), angle);
  return where(steep, sub(mul(half, Math.PI / 2), angle), flat);
}

/** Arc sine; NaN outside [-1, 1]. */
export function asin(x: TensorLike): Tensor {
  const a = floatOperand("asin", x);
  // Two roots rather than the root of the product: no 0 * infinity in the derivative at the ends.
  return atan2(a, mul(sqrt(sub(1, a)), sqrt(add(1, a))));
}

/** Arc cosine; NaN outside [-1, 1]. */
export function acos(x: TensorLike): Tensor {
  const a = floatOperand("acos", x);
  return mul(2, atan2(sqrt(sub(1, a)), sqrt(add(1, a))));
}

/** Hyperbolic sine, accurate near 0. Throws DTypeError unless x is of floats. */
export function sinh(x: TensorLike): Tensor {
  // sinh x = 2 sinh(x/2) cosh(x/2): no cancellation near 0, no overflow before the result's own.
  const h = mul(floatOperand("sinh", x), 0.5);
  const [a, b] = [expm1(h), expm1(neg(h))];
  return mul(mul(sub(a, b), 0.5), add(add(a, b), 2));
}

/** Hyperbolic cosine, at least 1. Throws DTypeError unless x is of floats. */
export function cosh(x: TensorLike): Tensor {
  // cosh x = 1 + 2 sinh(x/2)^2: its derivative does not cancel near 0.
  const h = mul(floatOperand("cosh", x), 0.5);
  const s = mul(sub(expm1(h), expm1(neg(h))), 0.5);
  return add(mul(mul(s, 2), s), 1);
}

/** Beyond this, x^2 + 1 is x^2 to the last bit of a double, and x^2 is far from overflow. */
const large = 2 ** 28;

/** Inverse hyperbolic sine, log(x + sqrt(x^2 + 1)), accurate near 0. Throws DTypeError unless x is of floats. */
export function asinh(x: TensorLike): Tensor {
  const a = floatOperand("asinh", x);
  const negative = less(a, 0);
  const m = where(negative, neg(a), a);
  const big = greater(m, large);
  const s = where(big, 1, m);
  const small = log1p(mul(s, add(div(s, add(sqrt(add(square(s), 1)), 1)), 1)));
  const r = where(big, add(log(where(big, m, 1)), Math.LN2), small);
  return where(negative, neg(r), r);
}

/** Inverse hyperbolic cosine; NaN below 1. */
export function acosh(x: TensorLike): Tensor {
  const a = floatOperand("acosh", x);
  const big = greater(a, large);
  const t = sub(where(big, 1, a), 1);
  return where(
    big,
    add(log(where(big, a, 1)), Math.LN2),
    log1p(add(t, mul(sqrt(t), sqrt(add(t, 2))))),
  );
}

/** Inverse hyperbolic tangent; infinite at -1 and 1, NaN beyond. */
export function atanh(x: TensorLike): Tensor {
  const a = floatOperand("atanh", x);
  return mul(sub(log1p(a), log1p(neg(a))), 0.5);
}

/** 1 / (1 + e^-x), without overflow in value or derivative. */
export function sigmoid(x: TensorLike): Tensor {
  return composite("sigmoid", {}, [floatOperand("sigmoid", x)], (a) => {
    const negative = less(a, 0);
    const z = exp(where(negative, a, neg(a)));
    return div(where(negative, z, 1), add(z, 1));
  });
}

/** log(1 + e^x), without overflow in value or derivative. */
export function softplus(x: TensorLike): Tensor {
  return composite("softplus", {}, [floatOperand("softplus", x)], (a) => {
    const negative = less(a, 0);
    return add(where(negative, 0, a), log1p(exp(where(negative, a, neg(a)))));
  });
}

/** max(0, x); derivative 0 at 0; NaN stays NaN. */
export function relu(x: TensorLike): Tensor {
  return composite("relu", {}, [operand("relu", x)], (a) => maximum(0, a));
}

/** The x whose erf(x) is y; infinite at -1 and 1, NaN beyond. */
export function erfInv(y: TensorLike): Tensor {
  const a = floatOperand("erfInv", y);
  // S. Winitzki, "A handy approximation for the error function and its inverse" (2008): relative error 2e-3 ...
  const inside = less(abs(a), 1);
  const p = where(inside, a, 0);
  const l = log1p(neg(square(p)));
  const t = add(mul(l, 0.5), 2 / (Math.PI * 0.147));
  const magnitude = sqrt(maximum(sub(sqrt(sub(square(t), div(l, 0.147))), t), 0));
  let x = stopGradient(where(less(p, 0), neg(magnitude), magnitude));
  // ... cubed by each of two steps of Halley's method, whose last carries the derivative.
  for (let step = 0; step < 2; step++) {
    const u = mul(mul(sub(erf(x), p), Math.sqrt(Math.PI) / 2), exp(square(x)));
    x = sub(x, div(u, add(mul(x, u), 1)));
  }
  const ends = where(equal(abs(a), 1), choose(less(a, 0), -Infinity, Infinity, a), NaN);
  return where(inside, x, ends);
}
