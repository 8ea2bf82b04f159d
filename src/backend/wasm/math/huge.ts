// Reduction of huge angles: x mod π/2 with as many bits of 2/π as it takes (Payne and Hanek 1983).
import type { FunctionBuilder, FunctionHandle, WasmModule } from "../asm/index.ts";
import type { Expr } from "./lanes.ts";
import { type Scalars, scalars } from "./scalar.ts";

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
