// Exponentials: exp, expm1, and the pieces that other functions build on.
import { quickTwoSum } from "./double.ts";
import type { Expr, Lanes } from "./lanes.ts";

// exp(r) = 1 + r + r² g(r) on |r| <= ln(2)/2. Minimax (Remez) fits of g: 1.4e-8 and 2.7e-19, weighted by |r|.
const g32 = [0.5, 0.16666543, 0.04166628, 0.00836662, 0.0013946509];
const g64 = [
  0.5, 0.16666666666666677, 0.0416666666666667, 0.008333333333321594, 0.0013888888888866824,
  0.0001984126988625664, 2.4801587360642866e-5, 2.7557244045129116e-6, 2.7557242651096906e-7,
  2.5109104127782937e-8, 2.0924484790651374e-9,
];

const log2e = Math.LOG2E;
/** ln 2 in two parts, the first with so few bits that its product with any exponent is exact. */
export const ln2 = {
  f32x4: { high: 0.693145751953125, low: 1.4286068e-6 },
  f64x2: { high: 0.6931471803691238, low: 1.9082149292705877e-10 },
} as const;

/** Bits of the fraction, and the exponent's bias, of either type. */
export const layout = {
  f32x4: { fraction: 23, bias: 127 },
  f64x2: { fraction: 52, bias: 1023 },
} as const;

/** 1.5 · 2^fraction: adding it rounds to an integer, which then stands in the low bits of the sum. */
export function roundingShift(k: Lanes): number {
  return 1.5 * 2 ** layout[k.type].fraction;
}

/** The bit pattern of a float of this type, as an integer. */
export function bitsOf(k: Lanes, value: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  if (k.wide) {
    view.setFloat64(0, value);
    return view.getBigInt64(0);
  }
  view.setFloat32(0, value);
  return BigInt(view.getInt32(0));
}

interface Reduced {
  /** The shifted sum whose low bits are n. */
  readonly shifted: Expr;
  readonly n: Expr;
  /** x - n ln 2, at most ln(2)/2 in magnitude, and what its rounding lost. */
  readonly r: Expr;
  readonly lost: Expr;
  /** exp(r) - 1 - r. */
  readonly tail: Expr;
}

/** x + low = n ln 2 + r. `x` must be cheap, and bounded; low is small. */
function reduce(k: Lanes, x: Expr, low?: Expr): Reduced {
  const shift = k.num(roundingShift(k));
  const shifted = k.let(k.add(k.mul(x, k.num(log2e)), shift));
  const n = k.let(k.sub(shifted, shift));
  const parts = ln2[k.type];
  const exact = k.let(k.sub(x, k.mul(n, k.num(parts.high))));
  const less = k.let(k.mul(n, k.num(parts.low)));
  const plain = k.sub(exact, less);
  const r = k.let(low === undefined ? plain : k.add(plain, low));
  const lost = k.sub(k.sub(exact, r), less);
  const tail = k.mul(k.mul(r, r), k.poly(r, k.wide ? g64 : g32));
  return { shifted, n, r, lost, tail };
}

/** 2^(n + extra) from the shifted sum; n + extra must be the exponent of a normal number. */
function power2(k: Lanes, shifted: Expr, extra: number): Expr {
  const { fraction, bias } = layout[k.type];
  const biased = k.iadd(shifted, k.bits(BigInt(bias + extra) - bitsOf(k, roundingShift(k))));
  return k.shift("shl", biased, fraction);
}

/** exp of arguments in a range where the result is a normal number. `x` is evaluated twice. */
export function expNormal(k: Lanes, x: Expr): Expr {
  const { shifted, r, tail } = reduce(k, x);
  return k.mul(k.add(k.num(1), k.add(r, tail)), power2(k, shifted, 0));
}

/**
 * exp(x + low) over the whole range, overflowing to infinity and underflowing gradually to zero; NaN stays NaN. The
 * power of two is applied in two halves, since neither the largest nor the smallest is itself a normal number.
 */
export function exp(k: Lanes, argument: Expr, low?: Expr): Expr {
  const { fraction, bias } = layout[k.type];
  const [top, bottom] = k.wide ? [710, -746] : [89, -104];
  const x = k.let(k.atLeast(k.atMost(argument, top), bottom));
  const { shifted, r, tail } = reduce(k, x, low);
  const y = k.let(k.add(k.num(1), k.add(r, tail)));
  const twice = k.let(k.iadd(shifted, k.bits(BigInt(2 * bias) - bitsOf(k, roundingShift(k)))));
  const half = k.let(k.shift("shr_u", twice, 1));
  const first = k.shift("shl", half, fraction);
  const second = k.shift("shl", k.isub(twice, half), fraction);
  return k.mul(k.mul(y, first), second);
}

/** exp(x) - 1, exact to the last place also near zero. */
export function expm1(k: Lanes, argument: Expr): Expr {
  const [top, bottom] = k.wide ? [710, -60] : [89, -40];
  const source = k.let(argument);
  const x = k.let(k.atLeast(k.atMost(source, top), bottom));
  const { shifted, n, r, lost, tail: tailExpr } = reduce(k, x);
  const tail = k.let(tailExpr);
  // 2^n may be too large for the type where 2^n exp(r) - 1 is not: work with half of it. Where r is near -ln(2)/2 much
  // of (h - ½) + h r cancels, so the rounding errors of r and of the sum count.
  const h = k.let(power2(k, shifted, -1));
  const sum = quickTwoSum(k, k.let(k.sub(h, k.num(0.5))), k.let(k.mul(h, r)));
  const half = k.let(k.add(sum.high, k.add(sum.low, k.mul(h, k.add(tail, lost)))));
  const y = k.select(k.eq(n, k.num(0)), k.add(r, tail), k.add(half, half));
  // The sums above lose the sign of -0.
  return k.or(y, k.and(source, k.signBit()));
}
