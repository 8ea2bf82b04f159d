// The inverse tangent of every lane, by segments and a polynomial.
import type { Expr, Lanes } from "./lanes.ts";

// atan(t) = t + t z A(z), z = t²: minimax (Remez) fits of A for |t| <= 1 (float32) and |t| <= 7/16 (float64).
const series32 = [
  -0.33333302, 0.19998664, -0.14265484, 0.10958727, -0.08422611, 0.058285717, -0.031504467,
  0.011089645, -0.0018326651,
];
const series64 = [
  -0.3333333333333302, 0.19999999999894638, -0.14285714273862457, 0.11111110457967546,
  -0.09090888330227348, 0.07691893384770722, -0.06661232840234634, 0.05834530277772637,
  -0.04980482033669322, 0.03660836680887673, -0.016356743377904628,
];

// atan(x) = atan(c) + atan((x - c)/(1 + c x)) for x >= from; the last row is c = ∞. Angles as high and low parts.
const segments = [
  { from: 7 / 16, c: 0.5, high: 0.4636476090008061, low: 2.2698777452961687e-17 },
  { from: 11 / 16, c: 1, high: Math.PI / 4, low: 3.061616997868383e-17 },
  { from: 19 / 16, c: 1.5, high: 0.982793723247329, low: 1.3903311031230998e-17 },
  { from: 39 / 16, c: Infinity, high: Math.PI / 2, low: 6.123233995736766e-17 },
];

/** Inverse tangent, in [-π/2, π/2]. */
export function atan(k: Lanes, argument: Expr): Expr {
  const x = k.let(argument);
  const a = k.let(k.abs(x));
  return k.or(k.wide ? positive64(k, a) : positive32(k, a), k.and(x, k.signBit()));
}

function withSeries(k: Lanes, t: Expr, base: Expr, low: Expr): Expr {
  const z = k.let(k.mul(t, t));
  const tail = k.mul(k.mul(t, z), k.poly(z, k.wide ? series64 : series32));
  return k.add(base, k.add(k.add(tail, low), t));
}

function positive64(k: Lanes, a: Expr): Expr {
  let [over, under, high, low] = [a, k.num(1), k.num(0), k.num(0)];
  for (const segment of segments) {
    const { from, c } = segment;
    const beyond = k.let(k.op("ge", a, k.num(from)));
    const finite = Number.isFinite(c);
    const shifted = finite ? k.sub(a, k.num(c)) : k.num(-1);
    over = k.let(k.select(beyond, shifted, over));
    under = k.let(k.select(beyond, finite ? k.add(k.num(1), k.mul(a, k.num(c))) : a, under));
    high = k.let(k.select(beyond, k.num(segment.high), high));
    low = k.let(k.select(beyond, k.num(segment.low), low));
  }
  return withSeries(k, k.let(k.div(over, under)), high, low);
}

/** atan(a) = π/2 - atan(1/a) beyond 1. */
function positive32(k: Lanes, a: Expr): Expr {
  const beyond = k.let(k.gt(a, k.num(1)));
  const t = k.let(k.div(k.select(beyond, k.num(-1), a), k.select(beyond, a, k.num(1))));
  return withSeries(k, t, k.and(beyond, k.num(Math.PI / 2)), k.and(beyond, k.num(-4.371139e-8)));
}
