// Powers with real exponents, lane by lane.
import { twoProduct, quickTwoSum, multiply, type Pair } from "./double.ts";
import { exp, ln2 } from "./exp.ts";
import type { Expr, Lanes } from "./lanes.ts";
import { logPositive, split } from "./log.ts";

// atanh(s)/s = 1 + z (1/3 + z T(z)), z = s²: minimax (Remez) fit of T for s up to 3 - 2√2; 8e-23 weighted.
const series = [
  0.19999999999999993, 0.14285714285721102, 0.1111111110905703, 0.09090909405401386,
  0.07692280176082077, 0.06668100373279136, 0.0583845379256446, 0.05986756052466,
];
const third = { high: 1 / 3, low: 1.850371707708594e-17 };

/** ln(x) of positive finite float64 lanes as an unevaluated sum, relative error about 2^-64. */
function logPair(k: Lanes, x: Expr): Pair {
  const { n, m } = split(k, x, true);
  // s = (m - 1)/(m + 1), with the rounding errors of the sum and of the quotient.
  const f = k.let(k.sub(m, k.num(1)));
  const under = k.let(k.add(m, k.num(1)));
  const underLow = k.let(k.sub(m, k.sub(under, k.num(1))));
  const sHigh = k.let(k.div(f, under));
  const back = twoProduct(k, sHigh, under);
  const residual = k.sub(k.sub(k.sub(f, back.high), back.low), k.mul(sHigh, underLow));
  const s = { high: sHigh, low: k.let(k.div(residual, under)) };
  // The cubic term needs more than one float64 too; the rest does not.
  const z = multiply(k, s, s);
  const rest = k.let(k.mul(z.high, k.poly(z.high, series)));
  const sum = quickTwoSum(k, k.num(third.high), rest);
  const inner = { high: sum.high, low: k.let(k.add(sum.low, k.num(third.low))) };
  const cubic = multiply(k, s, multiply(k, z, inner));
  const half = quickTwoSum(k, s.high, cubic.high);
  const halfLow = k.add(k.add(half.low, s.low), cubic.low);
  // ln x = n ln 2 + 2 (s + cubic)
  const fraction = k.let(k.mul(half.high, k.num(2)));
  const whole = k.let(k.mul(n, k.num(ln2.f64x2.high)));
  const total = quickTwoSum(k, whole, fraction);
  const tail = k.add(k.mul(n, k.num(ln2.f64x2.low)), k.mul(halfLow, k.num(2)));
  return quickTwoSum(k, total.high, k.let(k.add(total.low, tail)));
}

/** Beyond 2^66 every power of x other than 1 over- or underflows; the bound keeps products finite. */
function bounded(k: Lanes, exponent: Expr): Expr {
  return k.let(k.atLeast(k.atMost(exponent, 2 ** 66), -(2 ** 66)));
}

/** x^y for finite x > 0 and any y. */
function positivePower64(k: Lanes, x: Expr, exponent: Expr): Expr {
  const y = bounded(k, exponent);
  const product = multiply(k, logPair(k, x), { high: y, low: k.num(0) });
  // Only where the power over- or underflows anyway is the low part larger than this.
  const low = k.let(k.atLeast(k.atMost(product.low, 1e-9), -1e-9));
  return exp(k, product.high, low);
}

/** The same for float32 lanes by way of plain float64: of its error nothing is left after the one rounding. */
function positivePower32(k: Lanes, x: Expr, y: Expr): Expr {
  const wide = k.as("f64x2");
  const power = (half: 0 | 1): Expr => {
    const [base, exponent] = [k.promote(x, half), k.promote(y, half)];
    return exp(wide, wide.mul(bounded(wide, exponent), logPositive(wide, base)));
  };
  return k.demote(power(0), power(1));
}

/** x^y with the special cases of IEEE 754-2019, 9.2.1 (C17, F.10.4.4). */
export function pow(k: Lanes, base: Expr, exponent: Expr): Expr {
  const y = k.let(exponent);
  const x = k.let(base);
  const a = k.let(k.abs(x));
  const power = k.let(k.wide ? positivePower64(k, a, y) : positivePower32(k, a, y));

  // Zero and infinity: ∞ or 0, as |x| is large and y positive or not.
  const infinite = k.let(k.eq(a, k.num(Infinity)));
  const edge = k.or(infinite, k.eq(a, k.num(0)));
  const vanishes = k.xor(infinite, k.gt(y, k.num(0)));
  const limit = k.op("v128.andnot", k.num(Infinity), vanishes);
  const magnitude = k.let(k.select(edge, limit, power));

  // Negative bases: the sign of odd powers, and NaN unless y is an integer (or x is -∞, which has limits).
  const whole = k.let(k.eq(k.op("nearest", y), y));
  const halfY = k.let(k.mul(y, k.num(0.5)));
  const odd = k.and(whole, k.op("ne", k.op("nearest", halfY), halfY));
  const signed = k.or(magnitude, k.and(k.and(x, k.signBit()), odd));
  const negative = k.and(k.lt(x, k.num(0)), k.gt(x, k.num(-Infinity)));
  const meaningless = k.op("v128.andnot", negative, whole);
  const value = k.let(k.select(meaningless, k.num(NaN), signed));

  const unordered = k.or(k.op("ne", x, x), k.op("ne", y, y));
  const propagated = k.select(unordered, k.add(x, y), value);
  return k.select(k.or(k.eq(x, k.num(1)), k.eq(y, k.num(0))), k.num(1), propagated);
}
