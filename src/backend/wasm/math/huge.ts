// Reduction of huge angles: x mod π/2 with as many bits of 2/π as it takes (Payne and Hanek 1983).
import type { FunctionBuilder, FunctionHandle, Local, WasmModule } from "../asm/index.ts";

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
  const half = (local: Local, upper: boolean): void => {
    fn.get(local);
    fn.i64(upper ? 32n : 0xffffffffn);
    fn.op(upper ? "i64.shr_u" : "i64.and");
  };
  const product = (left: boolean, right: boolean): void => {
    half(fn.param(0), left);
    half(fn.param(1), right);
    fn.op("i64.mul");
  };
  const [lowest, middle, other] = [fn.local("i64"), fn.local("i64"), fn.local("i64")];
  product(false, false);
  fn.set(lowest);
  product(true, false);
  half(lowest, true);
  fn.op("i64.add");
  fn.set(middle);
  product(false, true);
  half(middle, false);
  fn.op("i64.add");
  fn.set(other);
  product(true, true);
  half(middle, true);
  fn.op("i64.add");
  half(other, true);
  fn.op("i64.add");
  fn.get(other);
  fn.i64(32n);
  fn.op("i64.shl");
  half(lowest, false);
  fn.op("i64.or");
  return fn;
}

const made = new WeakMap<WasmModule, FunctionHandle>();

/**
 * The module's function f64 x -> (f64 high, f64 low, i64 quadrant) with x = quadrant · π/2 + high + low (quadrant mod 4,
 * |high| <= π/4), for |x| >= 2^-10. Relative error about 2^-70; infinities and NaN give NaN.
 */
export function reduceHuge(m: WasmModule): FunctionHandle {
  const known = made.get(m);
  if (known !== undefined) return known;
  const words = wordTable(m, bitsOfTwoOverPi);
  const wide = wideProduct(m);
  const fn = m.func("reduce huge", { params: ["f64"], results: ["f64", "f64", "i64"] });
  made.set(m, fn.handle);
  const i64 = (): Local => fn.local("i64");
  const x = fn.param(0);
  const [bits, exponent, fraction] = [i64(), i64(), i64()];

  fn.get(x);
  fn.op("i64.reinterpret_f64");
  fn.tee(bits);
  fn.i64(52n);
  fn.op("i64.shr_u");
  fn.i64(0x7ffn);
  fn.op("i64.and");
  fn.tee(exponent);
  fn.i64(0x7ffn);
  fn.op("i64.eq");
  fn.if(() => {
    fn.f64(NaN);
    fn.f64(0);
    fn.i64(0n);
    fn.return();
  });
  fn.get(bits);
  fn.i64((1n << 52n) - 1n);
  fn.op("i64.and");
  fn.i64(1n << 52n);
  fn.op("i64.or");
  fn.set(fraction);

  // |x| = fraction · 2^(exponent - 1075). Bits of 2/π whose product with that is a multiple of 4 do not matter: start
  // behind them. `start` counts from the head of the table.
  const start = i64();
  fn.get(exponent);
  fn.i64(BigInt(-1075 - 2 + 64));
  fn.op("i64.add");
  fn.set(start);
  const shift = i64();
  fn.get(start);
  fn.i64(63n);
  fn.op("i64.and");
  fn.set(shift);
  const word = fn.local("i32");
  fn.get(start);
  fn.i64(6n);
  fn.op("i64.shr_s");
  fn.op("i32.wrap_i64");
  fn.set(word);
  const chunk = (i: number): Local => {
    const result = i64();
    const at = (j: number): void => {
      fn.get(word);
      fn.i32(j);
      fn.op("i32.add");
      fn.call(words);
    };
    at(i);
    fn.get(shift);
    fn.op("i64.shl");
    at(i + 1);
    // A shift by 64 - shift, in two steps because shifts count modulo 64.
    fn.i64(1n);
    fn.op("i64.shr_u");
    fn.i64(63n);
    fn.get(shift);
    fn.op("i64.sub");
    fn.op("i64.shr_u");
    fn.op("i64.or");
    fn.set(result);
    return result;
  };
  const parts = [chunk(0), chunk(1), chunk(2)] as const;

  // The low 192 bits of fraction · parts are |x| · 2/π modulo 4, scaled by 2^190; of them the upper 128 are enough.
  const [top, next, carried] = [i64(), i64(), i64()];
  const times = (part: Local): void => {
    fn.get(fraction);
    fn.get(part);
    fn.call(wide);
  };
  times(parts[2]);
  fn.drop();
  fn.set(carried);
  times(parts[1]);
  fn.set(next);
  fn.set(top);
  fn.get(next);
  fn.get(carried);
  fn.op("i64.add");
  fn.tee(next);
  fn.get(carried);
  fn.op("i64.lt_u");
  fn.op("i64.extend_i32_u");
  fn.get(top);
  fn.op("i64.add");
  fn.get(fraction);
  fn.get(parts[0]);
  fn.op("i64.mul");
  fn.op("i64.add");
  fn.set(top);

  // Quadrant: the two top bits, rounded to nearest; the rest becomes a signed fraction of 128 bits.
  const quadrant = i64();
  fn.get(top);
  fn.i64(61n);
  fn.op("i64.shr_u");
  fn.i64(1n);
  fn.op("i64.add");
  fn.i64(1n);
  fn.op("i64.shr_u");
  fn.set(quadrant);
  fn.get(top);
  fn.i64(2n);
  fn.op("i64.shl");
  fn.get(next);
  fn.i64(62n);
  fn.op("i64.shr_u");
  fn.op("i64.or");
  fn.set(top);
  fn.get(next);
  fn.i64(2n);
  fn.op("i64.shl");
  fn.set(next);
  const sign = i64();
  fn.get(top);
  fn.i64(63n);
  fn.op("i64.shr_s");
  fn.set(sign);
  // One's complement is near enough to the magnitude: off by 2^-128.
  for (const local of [top, next]) {
    fn.get(local);
    fn.get(sign);
    fn.op("i64.xor");
    fn.set(local);
  }

  // The magnitude as a float64 pair, through its leading 64 and following bits.
  const zeros = i64();
  fn.get(top);
  fn.op("i64.clz");
  fn.set(zeros);
  fn.get(top);
  fn.get(zeros);
  fn.op("i64.shl");
  fn.get(next);
  fn.i64(1n);
  fn.op("i64.shr_u");
  fn.i64(63n);
  fn.get(zeros);
  fn.op("i64.sub");
  fn.op("i64.shr_u");
  fn.op("i64.or");
  fn.set(top);
  fn.get(next);
  fn.get(zeros);
  fn.op("i64.shl");
  fn.set(next);
  const [high, low, scale, product] = [
    fn.local("f64"),
    fn.local("f64"),
    fn.local("f64"),
    fn.local("f64"),
  ];
  fn.get(top);
  fn.i64(-2048n);
  fn.op("i64.and");
  fn.op("f64.convert_i64_u");
  fn.set(high);
  fn.get(top);
  fn.i64(2047n);
  fn.op("i64.and");
  fn.op("f64.convert_i64_u");
  fn.get(next);
  fn.op("f64.convert_i64_u");
  fn.f64(2 ** -64);
  fn.op("f64.mul");
  fn.op("f64.add");
  fn.set(low);
  // 2^(-64 - zeros), with the sign of the fraction and of x.
  fn.i64(BigInt(1023 - 64));
  fn.get(zeros);
  fn.op("i64.sub");
  fn.i64(52n);
  fn.op("i64.shl");
  fn.get(sign);
  fn.get(bits);
  fn.op("i64.xor");
  fn.i64(-(1n << 63n));
  fn.op("i64.and");
  fn.op("i64.or");
  fn.op("f64.reinterpret_i64");
  fn.set(scale);

  // (high + low) · π/2 · scale. The leading parts are cut to 26 bits so that their product is exact.
  const [pi1, pi2] = [1.5707963109016418, 1.5893254773528196e-8];
  const cut = fn.local("f64");
  fn.get(high);
  fn.op("i64.reinterpret_f64");
  fn.i64(-(1n << 27n));
  fn.op("i64.and");
  fn.op("f64.reinterpret_i64");
  fn.set(cut);
  const scaled = (emit: () => void): void => {
    emit();
    fn.get(scale);
    fn.op("f64.mul");
  };
  const times2 = (a: () => void, factor: number): void => {
    a();
    fn.f64(factor);
    fn.op("f64.mul");
  };
  const remainder = (): void => {
    fn.get(high);
    fn.get(cut);
    fn.op("f64.sub");
    fn.get(low);
    fn.op("f64.add");
  };
  times2(() => fn.get(cut), pi1);
  fn.set(product);
  const rest = fn.local("f64");
  times2(() => fn.get(cut), pi2);
  times2(remainder, Math.PI / 2);
  fn.op("f64.add");
  fn.set(rest);
  const sum = fn.local("f64");
  fn.get(product);
  fn.get(rest);
  fn.op("f64.add");
  fn.set(sum);
  scaled(() => fn.get(sum));
  scaled(() => {
    fn.get(rest);
    fn.get(sum);
    fn.get(product);
    fn.op("f64.sub");
    fn.op("f64.sub");
  });
  fn.get(quadrant);
  fn.get(bits);
  fn.i64(63n);
  fn.op("i64.shr_s");
  fn.tee(sign);
  fn.op("i64.xor");
  fn.get(sign);
  fn.op("i64.sub");
  return fn.handle;
}
