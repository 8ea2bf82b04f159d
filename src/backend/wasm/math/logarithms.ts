/** @file log, log1p and pow of every lane, with the double-width arithmetic that they need. */
import { type Expr, type Lanes, type Pair, twoProduct, multiply, quickTwoSum } from "./lanes.ts";
import { bitsOf, layout, ln2, exp } from "./exponentials.ts";
// Natural logarithms: log and log1p, and the splitting of a number into exponent and fraction.

// ln(1+f) = 2 s + s z L(z) with s = f/(2+f), z = s²; minimax (Remez) fits of L for f in [√½ - 1, √2 - 1].
const series32 = [0.6666666, 0.40000334, 0.28537354, 0.23581949];
const series64 = [
  0.6666666666666666, 0.4000000000000601, 0.2857142856913906, 0.2222222264095256,
  0.18181776012448414, 0.15387079483981864, 0.13250304683359673, 0.13250121989584132,
];

interface Split {
  /** The exponent as a float, and plus the bias as an integer. */
  readonly n: Expr;
  readonly biased: Expr;
  /** In [√½, √2). */
  readonly m: Expr;
}

/** x = 2^n m for positive finite x; subnormal numbers only if `subnormal`. */
export function split(k: Lanes, x: Expr, subnormal: boolean): Split {
  const { fraction, bias } = layout[k.type];
  const up = k.wide ? 54 : 32;
  const tiny = subnormal ? k.let(k.lt(x, k.num(2 ** (1 - bias)))) : undefined;
  const bits = tiny === undefined ? x : k.let(k.select(tiny, k.mul(x, k.num(2 ** up)), x));
  // Counting exponents from √½ instead of 1 puts the cut where we want it.
  const one = BigInt(bias) << BigInt(fraction);
  const t = k.let(k.iadd(bits, k.bits(one - bitsOf(k, Math.SQRT1_2))));
  const biased = k.let(k.shift("shr_u", t, fraction));
  const m = k.let(k.isub(bits, k.shift("shl", k.isub(biased, k.bits(bias)), fraction)));
  // An integer in the low bits of 2^fraction is that number plus the integer.
  const base = k.or(biased, k.num(2 ** fraction));
  const exponent = k.sub(base, k.num(2 ** fraction + bias));
  const n = k.let(tiny === undefined ? exponent : k.sub(exponent, k.and(tiny, k.num(up))));
  return { n, biased, m };
}

/** n ln 2 + ln(1 + f). */
function assemble(k: Lanes, n: Expr, f: Expr): Expr {
  const { high, low } = ln2[k.type];
  const s = k.let(k.div(f, k.add(f, k.num(2))));
  const z = k.let(k.mul(s, s));
  const half = k.let(k.mul(k.mul(f, f), k.num(0.5)));
  const tail = k.mul(z, k.poly(z, k.wide ? series64 : series32));
  // ln(1+f) = f - (f²/2 - s (f²/2 + z L(z))): f carries no rounding error, what follows is small.
  const small = k.sub(half, k.add(k.mul(s, k.add(half, tail)), k.mul(n, k.num(low))));
  return k.sub(k.mul(n, k.num(high)), k.sub(small, f));
}

/** `y` where 0 < x < ∞; else the logarithm's limits: ∞, -∞ at zero, NaN. */
function edges(k: Lanes, x: Expr, y: Expr): Expr {
  const finite = k.select(k.lt(x, k.num(Infinity)), y, x);
  const below = k.select(k.eq(x, k.num(0)), k.num(-Infinity), k.num(NaN));
  return k.select(k.gt(x, k.num(0)), finite, below);
}

/** Natural logarithm of positive finite numbers; `x` must be cheap. */
export function logPositive(k: Lanes, x: Expr): Expr {
  const { n, m } = split(k, x, true);
  return assemble(k, n, k.let(k.sub(m, k.num(1))));
}

/** Natural logarithm; -∞ at ±0, NaN for negative numbers. */
export function log(k: Lanes, argument: Expr): Expr {
  const x = k.let(argument);
  return edges(k, x, logPositive(k, x));
}

/** ln(1 + x), exact to the last place also near zero. */
export function log1p(k: Lanes, argument: Expr): Expr {
  const { fraction, bias } = layout[k.type];
  const x = k.let(argument);
  const u = k.let(k.add(k.num(1), x));
  // The error of that sum (Knuth's two-sum), which is all of x when x is tiny.
  const back = k.let(k.sub(u, k.num(1)));
  const lost = k.let(k.add(k.sub(k.num(1), k.sub(u, back)), k.sub(x, back)));
  const { n, biased, m } = split(k, u, false);
  const scale = k.shift("shl", k.isub(k.bits(2 * bias), biased), fraction);
  // For large u the error does not matter, and 2^-n may not exist.
  const correction = k.and(k.mul(lost, scale), k.lt(u, k.num(2 ** (fraction + 2))));
  const f = k.let(k.add(k.sub(m, k.num(1)), correction));
  const y = edges(k, u, assemble(k, n, f));
  return k.or(y, k.and(x, k.signBit()));
}

// Powers with real exponents, lane by lane.

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
