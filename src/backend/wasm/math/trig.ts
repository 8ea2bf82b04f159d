// Sine, cosine and tangent of any argument: reduction by multiples of π/2, then polynomials.
import { bitsOf, roundingShift } from "./exp.ts";
import { divide, type Pair, quickTwoSum } from "./double.ts";
import { reduceHuge } from "./huge.ts";
import type { Expr, Lanes } from "./lanes.ts";

// sin(r) = r + r z S(z) and cos(r) = 1 - z/2 + z² C(z), z = r², |r| <= π/4: minimax (Remez) fits of S and C.
const sine32 = [-0.16666667, 0.008333329, -0.00019839325, 2.7182016e-6];
const cosine32 = [0.041666668, -0.0013888883, 2.4799525e-5, -2.7210444e-7];
const sine64 = [
  -0.16666666666666666, 0.008333333333333323, -0.00019841269841255017, 2.75573192141461e-6,
  -2.505210489667729e-8, 1.605836439529425e-10, -7.578573856571583e-13,
];
const cosine64 = [
  0.041666666666666664, -0.0013888888888888879, 2.4801587301574664e-5, -2.755731921654174e-7,
  2.0876754595413155e-9, -1.1470316300628687e-11, 4.739039231517789e-14,
];

// π/2 in pieces of 33 bits (Cody and Waite), so that products with multiples below 2^20 are exact.
const halfPi = [
  1.5707963267341256, 6.077100506303966e-11, 2.0222662487111665e-21, 8.478427660348229e-32,
];
/** Up to here those pieces are enough; beyond, every lane takes the slow way. */
const fastLimit = 1e6;

/** An argument brought to |r| <= π/4 (as an unevaluated sum), and the quadrant in the low two bits of an integer. */
interface Quadrant extends Pair {
  readonly quadrant: Expr;
}

/** a - b with its rounding error (Knuth's two-sum). */
function twoDifference(k: Lanes, a: Expr, b: Expr): Pair {
  const high = k.let(k.sub(a, b));
  const back = k.let(k.sub(high, a));
  const low = k.let(k.sub(k.sub(a, k.sub(high, back)), k.add(b, back)));
  return { high, low };
}

/** Reduction in float64 lanes; `x` must be cheap. Infinities and NaN give NaN. */
function reduce64(k: Lanes, x: Expr): Quadrant {
  const shift = k.num(roundingShift(k));
  const shifted = k.let(k.add(k.mul(x, k.num(2 / Math.PI)), shift));
  const n = k.let(k.sub(shifted, shift));
  const [p1, p2, p3, p4] = halfPi.map((part) => k.mul(n, k.num(part))) as [Expr, Expr, Expr, Expr];
  const first = k.let(k.sub(x, p1));
  const second = twoDifference(k, first, k.let(p2));
  const third = twoDifference(k, second.high, k.let(p3));
  const rest = k.let(k.sub(k.add(second.low, third.low), p4));
  const high = k.let(k.add(third.high, rest));
  const low = k.let(k.add(k.sub(third.high, high), rest));
  const quadrant = k.let(k.isub(shifted, k.bits(bitsOf(k, roundingShift(k)))));
  slowLanes(k, x, [high, low, quadrant]);
  return { high, low, quadrant };
}

/** Replaces the reduction of lanes beyond the fast limit; taken only when there is such a lane. */
function slowLanes(k: Lanes, x: Expr, results: readonly [Expr, Expr, Expr]): void {
  const { fn } = k;
  const huge = reduceHuge(k.m);
  k.op("v128.any_true", k.gt(k.abs(x), k.num(fastLimit)))();
  fn.if(() => {
    for (const lane of [0, 1]) {
      x();
      fn.lane("f64x2.extract_lane", lane);
      fn.op("f64.abs");
      fn.f64(fastLimit);
      fn.op("f64.gt");
      fn.if(() => {
        x();
        fn.lane("f64x2.extract_lane", lane);
        fn.call(huge);
        const quadrant = fn.local("i64");
        const [high, low] = [fn.local("f64"), fn.local("f64")];
        for (const local of [quadrant, low, high]) fn.set(local);
        for (const [i, local] of [high, low, quadrant].entries()) {
          results[i]!();
          fn.get(local);
          fn.lane(local.type === "i64" ? "i64x2.replace_lane" : "f64x2.replace_lane", lane);
          k.assign(results[i]!);
        }
      });
    }
  });
}

/** Float32 lanes are reduced as float64, where no cancellation can hurt; the result is rounded once. */
function reduce32(k: Lanes, x: Expr): Quadrant {
  const wide = k.as("f64x2");
  const first = reduce64(wide, k.promote(x, 0));
  const second = reduce64(wide, k.promote(x, 1));
  const high = k.let(k.demote(first.high, second.high));
  // The low words of the four quadrants.
  first.quadrant();
  second.quadrant();
  k.fn.shuffle([0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27]);
  return { high, low: k.num(0), quadrant: k.take() };
}

function reduce(k: Lanes, x: Expr): Quadrant {
  return k.wide ? reduce64(k, x) : reduce32(k, x);
}

/** sin(high + low). */
function sinReduced(k: Lanes, { high: r, low }: Pair, z: Expr): Pair {
  const v = k.let(k.mul(z, r));
  const series = k.mul(v, k.poly(z, k.wide ? sine64 : sine32));
  if (!k.wide) return { high: r, low: k.let(series) };
  // sin(r + low) = sin r + low cos r, and cos r = 1 - z/2 is near enough.
  const correction = k.sub(low, k.mul(k.mul(low, z), k.num(0.5)));
  return { high: r, low: k.let(k.add(series, correction)) };
}

/** cos(high + low). */
function cosReduced(k: Lanes, { high: r, low }: Pair, z: Expr): Pair {
  const half = k.let(k.mul(z, k.num(0.5)));
  const high = k.let(k.sub(k.num(1), half));
  const series = k.mul(k.mul(z, z), k.poly(z, k.wide ? cosine64 : cosine32));
  const lost = k.sub(k.sub(k.num(1), high), half);
  if (!k.wide) return { high, low: k.let(k.add(lost, series)) };
  return { high, low: k.let(k.sub(k.add(lost, series), k.mul(r, low))) };
}

/** All-ones where the bit of the quadrant is set. */
function bitMask(k: Lanes, quadrant: Expr, bit: 1 | 2): Expr {
  return k.op(`${k.int}.ne`, k.and(quadrant, k.bits(bit)), k.bits(0));
}

function circular(k: Lanes, argument: Expr, shift: 0 | 1): Expr {
  const x = k.let(argument);
  const reduced = reduce(k, x);
  const quadrant = shift === 0 ? reduced.quadrant : k.let(k.iadd(reduced.quadrant, k.bits(1)));
  const z = k.let(k.mul(reduced.high, reduced.high));
  const sin = sinReduced(k, reduced, z);
  const cos = cosReduced(k, reduced, z);
  const odd = k.let(bitMask(k, quadrant, 1));
  const value = k.select(odd, k.add(cos.high, cos.low), k.add(sin.high, sin.low));
  return k.xor(value, k.and(bitMask(k, quadrant, 2), k.signBit()));
}

/** Sine, for arguments of any size. */
export function sin(k: Lanes, argument: Expr): Expr {
  const x = k.let(argument);
  return k.select(k.eq(x, k.num(0)), x, circular(k, x, 0));
}

/** Cosine, for arguments of any size. */
export function cos(k: Lanes, argument: Expr): Expr {
  return circular(k, argument, 1);
}

/** Tangent, for arguments of any size: the quotient of sine and cosine, each as an unevaluated sum. */
export function tan(k: Lanes, argument: Expr): Expr {
  const x = k.let(argument);
  const reduced = reduce(k, x);
  const z = k.let(k.mul(reduced.high, reduced.high));
  const normal = ({ high, low }: Pair): Pair => quickTwoSum(k, high, low);
  const sin = normal(sinReduced(k, reduced, z));
  const cos = normal(cosReduced(k, reduced, z));
  const odd = k.let(bitMask(k, reduced.quadrant, 1));
  // tan(r + π/2) = -cos r / sin r
  const pick = (a: Expr, b: Expr): Expr => k.let(k.select(odd, a, b));
  const over = { high: pick(cos.high, sin.high), low: pick(cos.low, sin.low) };
  const under = { high: pick(sin.high, cos.high), low: pick(sin.low, cos.low) };
  const quotient = k.xor(divide(k, over, under), k.and(odd, k.signBit()));
  return k.select(k.eq(x, k.num(0)), x, quotient);
}
