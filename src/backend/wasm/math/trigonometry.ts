/** @file sin, cos, tan and atan of every lane, with the reduction of huge angles modulo π/2. */
import type { FunctionBuilder, FunctionHandle, WasmModule } from "../asm/index.ts";
import {
  type Expr,
  type Lanes,
  type Scalars,
  scalars,
  divide,
  type Pair,
  quickTwoSum,
} from "./lanes.ts";
import { bitsOf, roundingShift } from "./exponentials.ts";

// 2/π in binary: 64 zero bits (so that smaller exponents need no special case), then 1216 bits after the point.
const bitsOfTwoOverPi = [
  0n,
  0xa2f9836e4e441529n,
  0xfc2757d1f534ddc0n,
  0xdb6295993c439041n,
  0xfe5163abdebbc561n,
  0xb7246e3a424dd2e0n,
  0x06492eea09d1921cn,
  0xfe1deb1cb129a73en,
  0xe88235f52ebb4484n,
  0xe99c7026b45f7e41n,
  0x3991d639835339f4n,
  0x9c845f8bbdf9283bn,
  0x1ff897ffde05980fn,
  0xef2f118b5a0a6d1fn,
  0x6d367ecf27cb09b7n,
  0x4f463f669e5fea2dn,
  0x7527bac7ebe5f17bn,
  0x3d0739f78a5292ean,
  0x6bfb5fb11f8d5d08n,
  0x56033046fc7b6babn,
];
/** π/2 in two parts, the first of 26 bits. */
const halfPi = { high: 1.5707963109016418, low: 1.5893254773528196e-8 };

/** Emits a function that returns the i-th of some 64-bit words, by halving the range. */
function wordTable(m: WasmModule, words: readonly bigint[]): FunctionBuilder {
  const fn = m.func("words of 2/π", { params: ["i32"], results: ["i64"] });
  const pick = (from: number, to: number): void => {
    if (to - from === 1) return fn.i64(words[from]!);
    const middle = (from + to) >> 1;
    fn.get(fn.param(0));
    fn.i32(middle);
    fn.op("i32.lt_s");
    fn.ifResult(
      "i64",
      () => pick(from, middle),
      () => pick(middle, to),
    );
  };
  pick(0, words.length);
  return fn;
}

/** Emits (a, b) -> (high, low): the 128-bit product of two unsigned 64-bit integers, by 32-bit halves. */
function wideProduct(m: WasmModule): FunctionBuilder {
  const fn = m.func("wide product", { params: ["i64", "i64"], results: ["i64", "i64"] });
  const s = scalars(fn);
  const upper = (a: Expr): Expr => s.op("i64.shr_u", a, s.i64(32n));
  const lower = (a: Expr): Expr => s.op("i64.and", a, s.i64(0xffffffffn));
  const add = (a: Expr, b: Expr): Expr => s.op("i64.add", a, b);
  const mul = (a: Expr, b: Expr): Expr => s.op("i64.mul", a, b);
  const [a, b] = [s.param(0), s.param(1)];
  const lowest = s.let("i64", mul(lower(a), lower(b)));
  const middle = s.let("i64", add(mul(upper(a), lower(b)), upper(lowest)));
  const other = s.let("i64", add(mul(lower(a), upper(b)), lower(middle)));
  add(mul(upper(a), upper(b)), add(upper(middle), upper(other)))();
  s.op("i64.or", s.op("i64.shl", other, s.i64(32n)), lower(lowest))();
  return fn;
}

/** (high:low) << count with zeros moving in, for 0 <= count < 64: the upper word. */
function shiftedPair(s: Scalars, high: Expr, low: Expr, count: Expr): Expr {
  // A right shift by 64 - count, in two steps because shifts count modulo 64.
  const once = s.op("i64.shr_u", low, s.i64(1n));
  const entering = s.op("i64.shr_u", once, s.op("i64.sub", s.i64(63n), count));
  return s.op("i64.or", s.op("i64.shl", high, count), entering);
}

const made = new WeakMap<WasmModule, FunctionHandle>();

/**
 * The module's function f64 x -> (f64 high, f64 low, i64 quadrant) with x = quadrant · π/2 + high + low (quadrant mod 4,
 * |high| <= π/4), for |x| >= 2^-10. Relative error at most about 2^-64; infinities and NaN give NaN.
 */
export function reduceHuge(m: WasmModule): FunctionHandle {
  const known = made.get(m);
  if (known !== undefined) return known;
  const words = wordTable(m, bitsOfTwoOverPi);
  const wide = wideProduct(m);
  const fn = m.func("reduce huge", { params: ["f64"], results: ["f64", "f64", "i64"] });
  made.set(m, fn.handle);
  emitReduction(fn, words, wide);
  return fn.handle;
}

function emitReduction(fn: FunctionBuilder, words: FunctionBuilder, wide: FunctionBuilder): void {
  const s = scalars(fn);
  const op64 =
    (name: string) =>
    (a: Expr, b: Expr | bigint): Expr =>
      s.op(`i64.${name}`, a, typeof b === "bigint" ? s.i64(b) : b);
  const [add, sub, and, or, xor] = ["add", "sub", "and", "or", "xor"].map(op64) as OpList;
  const [shl, shr, sar] = ["shl", "shr_u", "shr_s"].map(op64) as OpList;
  const keep = (value: Expr): Expr => s.let("i64", value);
  const keepFloat = (value: Expr): Expr => s.let("f64", value);

  const bits = keep(s.op("i64.reinterpret_f64", s.param(0)));
  const exponent = keep(and(shr(bits, 52n), 0x7ffn));
  op64("eq")(exponent, 0x7ffn)();
  fn.if(() => {
    fn.f64(NaN);
    fn.f64(0);
    fn.i64(0n);
    fn.return();
  });
  const fraction = keep(or(and(bits, (1n << 52n) - 1n), 1n << 52n));

  // |x| = fraction · 2^(exponent - 1075). Bits of 2/π whose product with that is a multiple of 4 do not matter: start
  // behind them, and take three words from there. `start` counts bits from the head of the table.
  const start = keep(add(exponent, BigInt(-1075 - 2 + 64)));
  const count = keep(and(start, 63n));
  const first = s.let("i32", s.op("i32.wrap_i64", shr(start, 6n)));
  const word = (i: number): Expr => {
    s.op("i32.add", first, s.i32(i))();
    fn.call(words);
    return s.results("i64")[0]!;
  };
  const [w0, w1, w2, w3] = [word(0), word(1), word(2), word(3)];
  const part0 = shiftedPair(s, w0, w1, count);
  const part1 = shiftedPair(s, w1, w2, count);
  const part2 = shiftedPair(s, w2, w3, count);

  // The low 192 bits of fraction · parts are |x| · 2/π modulo 4, scaled by 2^190; of them the upper 128 are enough.
  const product = (part: Expr): [Expr, Expr] => {
    fraction();
    part();
    fn.call(wide);
    return s.results("i64", "i64") as [Expr, Expr];
  };
  const [carried] = product(part2);
  const [upper, lower] = product(part1);
  const next = keep(add(lower, carried));
  const carry = s.op("i64.extend_i32_u", op64("lt_u")(next, carried));
  const top = keep(add(add(upper, carry), s.op("i64.mul", fraction, part0)));

  // Quadrant: the two top bits, rounded to nearest. What remains is a signed fraction; one's complement is near enough
  // to its magnitude.
  const quadrant = keep(shr(add(shr(top, 61n), 1n), 1n));
  const signed = keep(shiftedPair(s, top, next, s.i64(2n)));
  const sign = keep(sar(signed, 63n));
  const magnitude = keep(xor(signed, sign));
  const rest = keep(xor(shl(next, 2n), sign));

  // The magnitude as a float64 pair: the 53 leading bits, and those that follow.
  const zeros = keep(s.op("i64.clz", magnitude));
  const leading = keep(shiftedPair(s, magnitude, rest, zeros));
  const toFloat = (value: Expr): Expr => s.op("f64.convert_i64_u", value);
  const times = (a: Expr, b: Expr | number): Expr =>
    s.op("f64.mul", a, typeof b === "number" ? s.f64(b) : b);
  const plus = (a: Expr, b: Expr): Expr => s.op("f64.add", a, b);
  const minus = (a: Expr, b: Expr): Expr => s.op("f64.sub", a, b);
  const high = keepFloat(toFloat(and(leading, -2048n)));
  const low = plus(toFloat(and(leading, 2047n)), times(toFloat(shl(rest, zeros)), 2 ** -64));
  // 2^(-64 - zeros), with the sign of the fraction and of x.
  const size = shl(sub(s.i64(BigInt(1023 - 64)), zeros), 52n);
  const scale = keepFloat(
    s.op("f64.reinterpret_i64", or(size, and(xor(sign, bits), -(1n << 63n)))),
  );

  // (high + low) · π/2 · scale; the product of the leading 26 bits of both is exact.
  const cut = keepFloat(
    s.op("f64.reinterpret_i64", and(s.op("i64.reinterpret_f64", high), -(1n << 27n))),
  );
  const exact = keepFloat(times(cut, halfPi.high));
  const uncut = plus(minus(high, cut), low);
  const small = keepFloat(plus(times(cut, halfPi.low), times(uncut, Math.PI / 2)));
  const sum = keepFloat(plus(exact, small));
  times(sum, scale)();
  times(minus(small, minus(sum, exact)), scale)();
  const negative = keep(sar(bits, 63n));
  sub(xor(quadrant, negative), negative)();
}

type Binary = (a: Expr, b: Expr | bigint) => Expr;
type OpList = [Binary, Binary, Binary, Binary, Binary];

// Sine, cosine and tangent of any argument: reduction by multiples of π/2, then polynomials.

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
const halfPiPieces = [
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
  const [p1, p2, p3, p4] = halfPiPieces.map((part) => k.mul(n, k.num(part))) as [
    Expr,
    Expr,
    Expr,
    Expr,
  ];
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

// The inverse tangent of every lane, by segments and a polynomial.

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
