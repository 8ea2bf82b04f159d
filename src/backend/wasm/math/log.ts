// Natural logarithms: log and log1p, and the splitting of a number into exponent and fraction.
import { bitsOf, layout, ln2 } from "./exp.ts";
import type { Expr, Lanes } from "./lanes.ts";

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
