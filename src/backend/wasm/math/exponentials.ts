/** @file exp, expm1, tanh and erf of every lane. */
import { type Expr, type Lanes, quickTwoSum } from "./lanes.ts";

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

// The hyperbolic tangent of every lane; the float32 one is the hottest function of all.

// Float32: tanh(x) = x P(x²)/Q(x²), a minimax (Remez) fit of the relative error on [0, 7.9] (1.8e-8). P(0) = Q(0) = 1
// keeps tiny arguments as they are. Rounding dominates the error: this grouping and these last digits have the least
// of many tried over every float32, 2.9955e-7, and never exceed 1.
const p = [0.129872859, 0.00299463235, 9.96217477e-6, -1.49757042e-8, 2.4287742e-11] as const;
const q = [0.463206083, 0.0240635183, 0.000238435794] as const;
/** Here the quotient is exactly 1, and the truth is within 2.5e-7 of it. */
const saturation = 7.94850731;

// Float64, |x| < 5/8: tanh(x) = x + x z R(z), minimax (Remez) fit of R, 6e-19.
const near = {
  over: [-0.33333333333333326, -0.0204968858021133, -0.00019909332199434586],
  under: [1, 0.4614906574063256, 0.023288781024001032, 0.00020644300740536034],
};

/** Hyperbolic tangent; exactly ±1 for large arguments. */
export function tanh(k: Lanes, argument: Expr): Expr {
  return k.wide ? tanh64(k, argument) : tanh32(k, argument);
}

function tanh32(k: Lanes, argument: Expr): Expr {
  const x = k.let(k.atLeast(k.atMost(argument, saturation), -saturation));
  const z = k.let(k.mul(x, x));
  const w = k.let(k.mul(z, z));
  const lead = k.add(x, k.mul(k.mul(x, z), k.num(p[0])));
  const rest = k.add(k.poly(z, [p[1], p[2]]), k.mul(w, k.poly(z, [p[3], p[4]])));
  const under = k.add(k.poly(z, [1, q[0]]), k.mul(w, k.poly(z, [q[1], q[2]])));
  return k.div(k.add(lead, k.mul(k.mul(x, w), rest)), under);
}

/** Near zero x + x z R(z), else 1 - 2/(exp(2x) + 1): both are a sum of base and quotient, so one division serves. */
function tanh64(k: Lanes, argument: Expr): Expr {
  const x = k.let(argument);
  const a = k.let(k.atMost(k.abs(x), 22));
  const small = k.let(k.lt(a, k.num(0.625)));
  const z = k.let(k.mul(a, a));
  const twice = k.let(k.add(a, a));
  const large = k.add(expNormal(k, twice), k.num(1));
  const over = k.select(small, k.mul(k.mul(a, z), k.poly(z, near.over)), k.num(-2));
  const under = k.select(small, k.poly(z, near.under), large);
  const y = k.add(k.select(small, a, k.num(1)), k.div(over, under));
  return k.or(y, k.and(x, k.signBit()));
}

// The error function of every lane: a correction to x near zero, to 1 beyond.

// |x| < 1: erf(x) = x + x R(x²); float32 a polynomial (1.2e-9), float64 a rational (7e-19), Remez.
const near32 = [
  0.12837917, -0.37612626, 0.112835854, -0.026853815, 0.0051883315, -0.000801023, 7.853989e-5,
];
const near64 = {
  over: [
    0.1283791670955126, -0.31700622602682693, -0.048329242468305784, -0.008815634125931069,
    -0.0004956082434851531, -2.073229843369755e-5,
  ],
  under: [
    1, 0.4605121246894061, 0.09381275528902429, 0.010693017200100954, 0.0006924919181394518,
    2.0809972483216852e-5,
  ],
};
// Beyond: float32 erf(x) = 1 - exp(H(x)); float64 erf(x) = 1 - exp(-x²) G(x - 0.99), G = exp(x²) erfc(x).
const far32 = [
  -0.0003327367, -1.1271223, -0.6380939, -0.10314766, 0.021856159, -0.0029518374, 0.00018677286,
];
const start = 0.99;
const far64 = {
  over: [
    0.4303312130641483, 0.5421039362903741, 0.30195377901532966, 0.09081252479867749,
    0.01466883065027391, 0.0010179343953116528,
  ],
  under: [
    1, 1.9018543779134869, 1.55858901015178, 0.7066138156804265, 0.1876078309425361,
    0.02778565474935125, 0.0018042560440934708,
  ],
};

/** Error function; ±1 from about 3.9 (float32) or 5.9 (float64) on. */
export function erf(k: Lanes, argument: Expr): Expr {
  const x = k.let(argument);
  const a = k.let(k.atMost(k.abs(x), k.wide ? 6 : 4));
  const z = k.let(k.mul(a, a));
  const near = k.let(k.lt(a, k.num(1)));
  const base = k.select(near, a, k.num(1));
  const correction = k.wide ? correction64(k, a, z, near) : correction32(k, a, z, near);
  return k.or(k.add(base, correction), k.and(x, k.signBit()));
}

function correction32(k: Lanes, a: Expr, z: Expr, near: Expr): Expr {
  const small = k.let(k.mul(a, k.poly(z, near32)));
  const exponent = k.let(k.poly(a, far32));
  return k.select(near, small, k.neg(expNormal(k, exponent)));
}

/** Both rationals share one division. */
function correction64(k: Lanes, a: Expr, z: Expr, near: Expr): Expr {
  const y = k.let(k.sub(a, k.num(start)));
  const square = k.let(k.neg(z));
  const tail = k.neg(k.mul(expNormal(k, square), k.poly(y, far64.over)));
  const over = k.select(near, k.mul(a, k.poly(z, near64.over)), tail);
  const under = k.select(near, k.poly(z, near64.under), k.poly(y, far64.under));
  return k.div(over, under);
}
