// Transcendental functions of SIMD lanes: accuracy over the whole range, special cases, reproducibility.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { WasmModule } from "../../src/backend/wasm/asm/index.ts";
import {
  emitMath,
  type FloatType,
  type MathName,
  mathNames,
} from "../../src/backend/wasm/math/index.ts";

type Floats = Float32Array | Float64Array;
const CAPACITY = 1 << 23;
const [X, P, OUT] = [0, CAPACITY, 2 * CAPACITY];
const memory = new WebAssembly.Memory({ initial: (3 * CAPACITY) >> 16 });
const runners = new Map<string, (bytes: number) => void>();

/** A module that applies the function to an array, two vectors a turn, as compiled kernels do. */
function assemble(name: MathName, type: FloatType): Uint8Array<ArrayBuffer> {
  const m = new WasmModule();
  m.importMemory("env", "memory", { initial: 1 });
  const fn = m.func("run", { params: ["i32"], results: [], exported: true });
  const i = fn.local("i32");
  fn.loop((top) => {
    for (const offset of [0, 16]) {
      fn.get(i);
      fn.get(i);
      fn.load("v128.load", X + offset);
      if (name === "pow") {
        fn.get(i);
        fn.load("v128.load", P + offset);
      }
      emitMath(m, fn, name, type);
      fn.store("v128.store", OUT + offset);
    }
    fn.get(i);
    fn.i32(32);
    fn.op("i32.add");
    fn.tee(i);
    fn.get(fn.param(0));
    fn.op("i32.lt_u");
    fn.brIf(top);
  });
  return m.finish();
}

/** The function applied to every element; `p` holds the exponents of `pow`. */
function apply<A extends Floats>(name: MathName, x: A, p?: A): A {
  const type = x instanceof Float32Array ? "f32x4" : "f64x2";
  let run = runners.get(name + type);
  if (run === undefined) {
    const instance = new WebAssembly.Instance(new WebAssembly.Module(assemble(name, type)), {
      env: { memory },
    });
    run = instance.exports.run as (bytes: number) => void;
    runners.set(name + type, run);
  }
  const Type = x.constructor as new (buffer: ArrayBuffer, offset: number, length: number) => A;
  new Type(memory.buffer, X, x.length).set(x);
  if (p !== undefined) new Type(memory.buffer, P, p.length).set(p);
  run(x.byteLength);
  return new Type(memory.buffer, OUT, x.length).slice() as A;
}

/** Makes an array of one type or the other from numbers. */
type Maker = (values: readonly number[]) => Floats;
const makers: readonly (readonly [type: string, make: Maker])[] = [
  ["float32", (values) => Float32Array.from(values)],
  ["float64", (values) => Float64Array.from(values)],
];
const count = (length: number, f: (i: number) => number): number[] =>
  Array.from({ length }, (_, i) => f(i));

const bytesOf = (array: Floats): Buffer =>
  Buffer.from(array.buffer, array.byteOffset, array.byteLength);

/** erf to about 1e-15, by 2/√π exp(-x²) Σ 2^n x^(2n+1) / (1·3·5···(2n+1)): all terms are positive. */
function erfSeries(x: number): number {
  if (Number.isNaN(x) || Math.abs(x) > 6) return Number.isNaN(x) ? NaN : Math.sign(x);
  let [term, sum] = [x, x];
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

const reference: Record<MathName, (x: number, p: number) => number> = {
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log1p: Math.log1p,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  atan: Math.atan,
  tanh: Math.tanh,
  erf: erfSeries,
  pow: Math.pow,
};

/** A repeatable source of numbers in [0, 1). */
function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 8) / 2 ** 24;
  };
}

/** Arguments of every sign and exponent, 512 of each, and a dense sample of [-20, 20]. */
function everywhere(): Float32Array {
  const next = uniform(1);
  const bits = new Uint32Array(2 * 256 * 512 + (1 << 16));
  const floats = new Float32Array(bits.buffer);
  for (let i = 0; i < 2 * 256 * 512; i++) bits[i] = ((i >> 9) << 23) + Math.floor(next() * 2 ** 23);
  for (let i = 2 * 256 * 512; i < bits.length; i++) floats[i] = (next() - 0.5) * 40;
  return floats;
}

/** How far a float32 result is from the truth: relative error, and units in the last place. */
function error32(found: number, truth: number): { relative: number; units: number } {
  if (Object.is(found, Math.fround(truth))) return { relative: 0, units: 0 };
  const unit = 2 ** (Math.max(-126, Math.floor(Math.log2(Math.abs(truth)))) - 23);
  const difference = Math.abs(found - truth);
  // Next to the overflow threshold either neighbour may come out.
  if (found === Infinity && truth > 3.4028233e38) return { relative: 0, units: 1 };
  if (!Number.isFinite(difference)) return { relative: Infinity, units: Infinity };
  return { relative: difference / Math.abs(truth), units: difference / unit };
}

describe("float32", () => {
  const unary = mathNames.filter((name) => name !== "pow");
  test.each(unary)("%s: within 2 units or 3e-7 for every exponent", (name) => {
    const x = everywhere();
    const y = apply(name, x);
    const f = reference[name];
    const bad: string[] = [];
    for (let i = 0; i < x.length; i++) {
      const { relative, units } = error32(y[i]!, f(x[i]!, 0));
      if (!(units <= 2 || relative <= 3e-7)) bad.push(`${name}(${x[i]}) = ${y[i]}`);
    }
    expect(bad.slice(0, 5)).toEqual([]);
  });

  test("pow: within 1 unit", () => {
    const next = uniform(2);
    const x = new Float32Array(1 << 17);
    const p = new Float32Array(x.length);
    for (let i = 0; i < x.length; i++) {
      x[i] = i % 2 === 0 ? Math.exp((next() - 0.5) * 170) : 0.5 + next();
      p[i] = ((next() - 0.5) * 220) / Math.max(0.01, Math.abs(Math.log(x[i]!)));
    }
    const y = apply("pow", x, p);
    let worst = 0;
    for (let i = 0; i < x.length; i++) {
      worst = Math.max(worst, error32(y[i]!, Math.pow(x[i]!, p[i]!)).units);
    }
    expect(worst).toBeLessThanOrEqual(1);
  });

  test("tanh saturates at exactly 1 and nowhere exceeds it", () => {
    const x = Float32Array.from({ length: 1 << 17 }, (_, i) => i / 8192 - 8);
    const y = apply("tanh", x);
    expect(y.reduce((most, value) => Math.max(most, Math.abs(value)), 0)).toBe(1);
    const [a, b, c, d] = apply("tanh", Float32Array.of(7.96, 1e30, -8, -Infinity));
    expect([a, b, c, d]).toEqual([1, 1, -1, -1]);
  });
});

/** Golden values; what the fields are is said in golden/make-math.py. */
interface Golden {
  readonly x: readonly number[];
  readonly p?: readonly number[];
  readonly y: readonly number[];
  readonly e: readonly number[];
}
const golden = JSON.parse(
  readFileSync(new URL("../golden/math.json", import.meta.url), "utf8"),
) as Record<MathName, Golden>;

function unit64(y: number): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Math.abs(y));
  return 2 ** Math.max(-1074, (view.getInt32(0) >> 20) - 1075);
}

describe("float64", () => {
  // 2 units are promised everywhere; these bounds are what the methods reach, so that a slip shows.
  const bound: Record<MathName, number> = {
    exp: 1,
    expm1: 1.1,
    log: 1,
    log1p: 1.1,
    sin: 0.8,
    cos: 0.8,
    tan: 0.9,
    atan: 0.8,
    tanh: 1.3,
    erf: 1.1,
    pow: 1,
  };
  test.each(mathNames)("%s agrees with golden values", (name) => {
    const { x, p, y, e } = golden[name];
    const found = apply(name, Float64Array.from(x), p && Float64Array.from(p));
    expect(x.length).toBeGreaterThan(300);
    let worst = 0;
    let where = NaN;
    found.forEach((value, i) => {
      const units = Math.abs((value - y[i]!) / unit64(y[i]!) - e[i]! / 100);
      if (units <= worst) return;
      worst = units;
      where = x[i]!;
    });
    expect(worst, `at ${where}`).toBeLessThanOrEqual(bound[name]);
    expect(worst).toBeGreaterThan(0.4);
    expect(found.some(Number.isNaN)).toBe(false);
  });
});

const I = Infinity;
// Exact values: the same for both types.
const special: Record<Exclude<MathName, "pow">, readonly (readonly [x: number, y: number])[]> = {
  exp: [
    [0, 1],
    [-0, 1],
    [I, I],
    [-I, 0],
    [1000, I],
    [-1000, 0],
    [NaN, NaN],
  ],
  expm1: [
    [0, 0],
    [-0, -0],
    [I, I],
    [-I, -1],
    [1000, I],
    [-1000, -1],
    [NaN, NaN],
  ],
  log: [
    [1, 0],
    [0, -I],
    [-0, -I],
    [I, I],
    [-1, NaN],
    [-I, NaN],
    [-1e-30, NaN],
    [NaN, NaN],
  ],
  log1p: [
    [0, 0],
    [-0, -0],
    [-1, -I],
    [I, I],
    [-2, NaN],
    [-I, NaN],
    [NaN, NaN],
  ],
  sin: [
    [0, 0],
    [-0, -0],
    [I, NaN],
    [-I, NaN],
    [NaN, NaN],
  ],
  cos: [
    [0, 1],
    [-0, 1],
    [I, NaN],
    [-I, NaN],
    [NaN, NaN],
  ],
  tan: [
    [0, 0],
    [-0, -0],
    [I, NaN],
    [-I, NaN],
    [NaN, NaN],
  ],
  atan: [
    [0, 0],
    [-0, -0],
    [NaN, NaN],
  ],
  tanh: [
    [0, 0],
    [-0, -0],
    [I, 1],
    [-I, -1],
    [50, 1],
    [-50, -1],
    [NaN, NaN],
  ],
  erf: [
    [0, 0],
    [-0, -0],
    [I, 1],
    [-I, -1],
    [7, 1],
    [-7, -1],
    [NaN, NaN],
  ],
};
// C17, F.10.4.4.
const powers: readonly (readonly [x: number, p: number, y: number])[] = [
  [0, -3, I],
  [-0, -3, -I],
  [0, -2, I],
  [-0, -2, I],
  [0, -0.5, I],
  [-0, -0.5, I],
  [0, -I, I],
  [-0, -I, I],
  [0, 3, 0],
  [-0, 3, -0],
  [0, 2, 0],
  [-0, 2, 0],
  [-0, 0.5, 0],
  [0, I, 0],
  [-1, I, 1],
  [-1, -I, 1],
  [1, NaN, 1],
  [1, I, 1],
  [NaN, 0, 1],
  [NaN, -0, 1],
  [I, 0, 1],
  [-I, 0, 1],
  [0, 0, 1],
  [-2, 0.5, NaN],
  [-1e-30, 0.5, NaN],
  [0.5, -I, I],
  [2, -I, 0],
  [-2, -I, 0],
  [0.5, I, 0],
  [-0.5, I, 0],
  [2, I, I],
  [-2, I, I],
  [-I, -3, -0],
  [-I, -2, 0],
  [-I, -0.5, 0],
  [-I, 3, -I],
  [-I, 2, I],
  [-I, 0.5, I],
  [I, -1e-30, 0],
  [I, 1e-30, I],
  [NaN, 1, NaN],
  [2, NaN, NaN],
  [NaN, NaN, NaN],
  [-2, 3, -8],
  [-2, 2, 4],
  [-2, -1, -0.5],
  [4, 0.5, 2],
  [10, 2, 100],
  [-1, 16777215, -1],
  [-1, 16777216, 1],
  [2, 1e30, I],
  [2, -1e30, 0],
  [-3, 1e30, I],
  [1e30, 30, I],
  [1e30, -30, 0],
];

describe.each(makers)("special values, %s", (type, make) => {
  const round = (value: number): number => make([value])[0]!;
  test.each(Object.entries(special))("%s", (name, pairs) => {
    const found = apply(name as MathName, make(pairs.map(([x]) => x)));
    expect(pairs.map(([x], i) => [x, found[i]])).toEqual(pairs);
  });
  test("pow", () => {
    const found = apply("pow", make(powers.map(([x]) => x)), make(powers.map(([, p]) => p)));
    expect(powers.map(([x, p], i) => [x, p, found[i]])).toEqual(powers);
  });
  test("atan at infinity, and the tiniest arguments", () => {
    expect([...apply("atan", make([I, -I]))]).toEqual([round(Math.PI / 2), round(-Math.PI / 2)]);
    const least = type === "float32" ? 2 ** -149 : 2 ** -1074;
    const x = [least, -least, 5 * least, 2 ** -60, -(2 ** -60)];
    for (const name of ["expm1", "log1p", "sin", "tan", "atan", "tanh"] as const) {
      expect([...apply(name, make(x))]).toEqual(x);
    }
    expect([...apply("erf", make([least, -least]))]).toEqual([least, -least]);
  });
  test("results that are subnormal", () => {
    const [least, bottom] = type === "float32" ? [2 ** -149, -103.5] : [2 ** -1074, -744.8];
    const x = count(64, (i) => bottom + i / 8);
    const y = apply("exp", make(x));
    for (const [i, value] of x.entries()) {
      // exp(x) in units of the least number, which float64 can hold.
      const units = Math.exp(value - Math.log2(least) * Math.LN2);
      if (units < 2 ** 20)
        expect(Math.abs(y[i]! / least - units)).toBeLessThan(0.51 + units * 1e-7);
    }
    const p = count(20, (i) => -Math.log2(least) - i);
    const found = apply("pow", make(p.map(() => 0.5)), make(p));
    expect([...found]).toEqual(p.map((_, i) => least * 2 ** i));
  });
});

describe("modules", () => {
  const types: readonly FloatType[] = ["f32x4", "f64x2"];
  test.each(mathNames)("%s validates, and is the same bytes every time", (name) => {
    for (const type of types) {
      const bytes = assemble(name, type);
      expect(WebAssembly.validate(bytes)).toBe(true);
      expect(assemble(name, type)).toEqual(bytes);
    }
  });

  test("all functions live together in one function", () => {
    const m = new WasmModule();
    const fn = m.func("all", { params: ["v128"], results: [] });
    for (const name of [...mathNames, ...mathNames]) {
      for (const type of types) {
        fn.get(fn.param(0));
        if (name === "pow") fn.get(fn.param(0));
        emitMath(m, fn, name, type);
        fn.drop();
      }
    }
    const bytes = m.finish();
    expect(WebAssembly.validate(bytes)).toBe(true);
    // The long ones are there once, not twice.
    expect(bytes.length).toBeLessThan(40_000);
  });

  test.each(mathNames)("%s does not depend on the lane, the neighbours or the run", (name) => {
    const next = uniform(3);
    const x = count(4096, (i) => (i % 97 === 0 ? 1e9 : 1) * (next() * 20 - 4));
    const p = count(4096, () => next() * 4 - 2);
    for (const [, make] of makers) {
      const run = (from: number): Buffer =>
        bytesOf(apply(name, make(x.slice(from)), name === "pow" ? make(p.slice(from)) : undefined));
      const first = run(0);
      expect(run(0).equals(first)).toBe(true);
      expect(run(1).equals(first.subarray(first.length / x.length))).toBe(true);
    }
  });
});
