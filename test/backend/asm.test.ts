// The assembler: every opcode, number encodings, operand checks, control flow, and a small SIMD kernel.
import { describe, expect, test } from "vitest";
import { Bytes } from "../../src/backend/wasm/asm/encoding.ts";
import {
  AsmError,
  type FunctionBuilder,
  opcodes,
  type ValType,
  WasmModule,
} from "../../src/backend/wasm/asm/index.ts";

function pushZero(fn: FunctionBuilder, type: ValType): void {
  if (type === "i32") fn.i32(0);
  else if (type === "i64") fn.i64(0n);
  else if (type === "f32") fn.f32(0);
  else if (type === "f64") fn.f64(0);
  else fn.v128({ i32x4: [0, 0, 0, 0] });
}

function run(
  m: WasmModule,
  imports: WebAssembly.Imports = {},
): Record<string, (...args: never[]) => unknown> {
  const bytes = m.finish();
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), imports).exports as never;
}

/** A module with one exported function `f` built by `body`. */
function single(
  params: ValType[],
  results: ValType[],
  body: (fn: FunctionBuilder, m: WasmModule) => void,
): (...args: unknown[]) => unknown {
  const m = new WasmModule();
  const fn = m.func("f", { params, results, exported: true });
  body(fn, m);
  return run(m).f as never;
}

const signed = (value: number): number[] => [...new Bytes().s32(value).toUint8Array()];
const unsigned = (value: number): number[] => [...new Bytes().u32(value).toUint8Array()];

function refuses(message: string | RegExp, body: (fn: FunctionBuilder) => void): void {
  const m = new WasmModule();
  const fn = m.func("kernel", { params: ["i32"], results: [] });
  const attempt = (): void => {
    body(fn);
    m.finish();
  };
  expect(attempt).toThrow(AsmError);
  expect(() => body(m.func("kernel", { params: ["i32"], results: [] }))).toThrow(message);
}

describe("opcodes", () => {
  test.each([...opcodes.values()])("$name validates", (opcode) => {
    const m = new WasmModule();
    m.importMemory("env", "memory", { initial: 1, maximum: 4, shared: opcode.prefix === 0xfe });
    const results = opcode.result === undefined ? [] : [opcode.result];
    const fn = m.func("f", { params: [], results, exported: true });
    for (const type of opcode.operands) pushZero(fn, type);
    if (opcode.immediate === "memory") {
      (opcode.result === undefined ? fn.store : fn.load).call(fn, opcode.name, 300);
    } else if (opcode.immediate === "memoryLane") {
      (opcode.result === undefined ? fn.storeLane : fn.loadLane).call(
        fn,
        opcode.name,
        16 / opcode.size - 1,
        300,
      );
    } else if (opcode.immediate === "lane") fn.lane(opcode.name, opcode.size - 1);
    else if (opcode.immediate === "shuffle")
      fn.shuffle(Array.from({ length: 16 }, (_, i) => 31 - i));
    else fn.op(opcode.name);
    const bytes = m.finish();
    expect(WebAssembly.validate(bytes)).toBe(true);
  });

  test("no code is given twice, and the count is what it should be", () => {
    const codes = new Set([...opcodes.values()].map(({ prefix, code }) => prefix * 1000 + code));
    expect(codes.size).toBe(opcodes.size);
    expect([...opcodes.values()].filter((row) => row.prefix === 0xfd).length).toBe(235);
  });
});

describe("numbers", () => {
  const integers = [
    0,
    1,
    63,
    64,
    127,
    128,
    255,
    16383,
    16384,
    -1,
    -63,
    -64,
    -65,
    -128,
    -129,
    2 ** 31 - 1,
    -(2 ** 31),
  ];
  test.each(integers)("i32.const %d comes back", (value) => {
    expect(single([], ["i32"], (fn) => fn.i32(value))()).toBe(value);
  });
  const wide = [
    0n,
    63n,
    64n,
    127n,
    128n,
    -1n,
    -64n,
    -65n,
    2n ** 31n,
    -(2n ** 31n),
    2n ** 63n - 1n,
    -(2n ** 63n),
  ];
  test.each(wide)("i64.const %d comes back", (value) => {
    expect(single([], ["i64"], (fn) => fn.i64(value))()).toBe(value);
  });
  test("encodings are the shortest", () => {
    expect(signed(0)).toEqual([0]);
    expect(signed(63)).toEqual([0x3f]);
    expect(signed(64)).toEqual([0xc0, 0x00]);
    expect(signed(127)).toEqual([0xff, 0x00]);
    expect(signed(128)).toEqual([0x80, 0x01]);
    expect(signed(-1)).toEqual([0x7f]);
    expect(signed(2 ** 31 - 1)).toEqual([0xff, 0xff, 0xff, 0xff, 0x07]);
    expect(signed(-(2 ** 31))).toEqual([0x80, 0x80, 0x80, 0x80, 0x78]);
    expect(unsigned(127)).toEqual([0x7f]);
    expect(unsigned(128)).toEqual([0x80, 0x01]);
    expect(unsigned(2 ** 32 - 1)).toEqual([0xff, 0xff, 0xff, 0xff, 0x0f]);
  });
  test("floats keep their bits, vectors their lanes", () => {
    expect(single([], ["f32"], (fn) => fn.f32(1.1))()).toBe(Math.fround(1.1));
    expect(single([], ["f64"], (fn) => fn.f64(-0))()).toBe(-0);
    const laneOf = (shape: string, lane: number, type: ValType, value: never): unknown =>
      single([], [type], (fn) => {
        fn.v128(value);
        fn.lane(`${shape}.extract_lane`, lane);
      })();
    expect(laneOf("f32x4", 2, "f32", { f32x4: [1, 2, 3, 4] } as never)).toBe(3);
    expect(laneOf("f64x2", 1, "f64", { f64x2: [1.5, 2.5] } as never)).toBe(2.5);
    expect(laneOf("i32x4", 3, "i32", { i32x4: [1, 2, 3, -4] } as never)).toBe(-4);
    expect(laneOf("i64x2", 0, "i64", { i64x2: [-7n, 1n] } as never)).toBe(-7n);
  });
  test("offsets up to 2^32 - 1", () => {
    const m = new WasmModule();
    m.importMemory("env", "memory", { initial: 1 });
    const fn = m.func("f", { params: [], results: ["i32"], exported: true });
    fn.i32(0);
    fn.load("i32.load", 2 ** 32 - 1, 1);
    const { f } = run(m, { env: { memory: new WebAssembly.Memory({ initial: 1 }) } });
    expect(f).toThrow(WebAssembly.RuntimeError);
  });
  test("the buffer grows to any size", () => {
    const bytes = new Bytes(1);
    for (let i = 0; i < 100_000; i++) bytes.u8(i & 0xff);
    expect(bytes.length).toBe(100_000);
    expect(bytes.toUint8Array()[99_999]).toBe(99_999 & 0xff);
  });
});

describe("checks", () => {
  test("operands of the wrong type", () => {
    refuses('function "kernel": i32.add expected i32, found f64', (fn) => {
      fn.i32(1);
      fn.f64(1);
      fn.op("i32.add");
    });
  });
  test("operands that are missing", () => {
    refuses('function "kernel": f32x4.mul expected v128, found an empty stack', (fn) =>
      fn.op("f32x4.mul"),
    );
  });
  test("a block may not reach below its start", () => {
    refuses("drop expected a value, found an empty stack", (fn) => {
      fn.i32(1);
      fn.block(() => fn.drop());
    });
  });
  test("a block may not leave anything", () => {
    refuses("end of block expected [], found also [i32]", (fn) => fn.block(() => fn.i32(1)));
  });
  test("select of two types", () => {
    refuses("select expected f32, found i32", (fn) => {
      fn.i32(1);
      fn.f32(1);
      fn.i32(1);
      fn.select();
    });
  });
  test("unknown instructions, wrong immediates, lanes, alignments and offsets", () => {
    refuses("i32.plus is no instruction", (fn) => fn.op("i32.plus"));
    refuses("v128.load needs a memory immediate", (fn) => fn.op("v128.load"));
    refuses("i32.add takes no memory immediate", (fn) => fn.load("i32.add"));
    refuses("has 4 lanes, asked for 4", (fn) => {
      fn.v128({ f32x4: [0, 0, 0, 0] });
      fn.lane("f32x4.extract_lane", 4);
    });
    refuses("power of two up to 16, got 32", (fn) => {
      fn.i32(0);
      fn.load("v128.load", 0, 32);
    });
    refuses("offset in [0, 2^32), got -4", (fn) => {
      fn.i32(0);
      fn.load("i32.load", -4);
    });
    refuses("expected 16 byte indices", (fn) => fn.shuffle([1, 2, 3]));
    refuses("expected 4 lanes, got 3", (fn) => fn.v128({ f32x4: [1, 2, 3] }));
    refuses("has 1 parameters, asked for number 1", (fn) => fn.param(1));
  });
  test("locals and labels of elsewhere", () => {
    const other = new WasmModule().func("other", { params: ["i32"], results: [] });
    refuses("of another function", (fn) => fn.get(other.param(0)));
    refuses("not open here", (fn) => {
      let stale: never;
      fn.block((end) => (stale = end as never));
      fn.br(stale!);
    });
  });
  test("a function that lacks its result is named", () => {
    const m = new WasmModule();
    m.func("empty", { params: [], results: ["f32"] });
    expect(() => m.finish()).toThrow(
      'function "empty": end of function expected f32, found an empty stack',
    );
  });
  test("modules: late imports, two memories, unbounded shared memory, equal exports", () => {
    const m = new WasmModule();
    m.importMemory("env", "memory", { initial: 1 });
    expect(() => m.importMemory("env", "again", { initial: 1 })).toThrow("second memory");
    m.func("f", { params: [], results: [], exported: true });
    expect(() => m.importFunction("env", "g", { params: [], results: [] })).toThrow(
      "before the first function",
    );
    expect(() => m.func("f", { params: [], results: [], exported: true })).toThrow("two functions");
    expect(() => new WasmModule().importMemory("e", "m", { initial: 1, shared: true })).toThrow(
      "needs a maximum",
    );
  });
});

describe("control flow", () => {
  test("loops, branches and results", () => {
    const factorial = single(["i32"], ["f64"], (fn) => {
      const product = fn.local("f64");
      fn.f64(1);
      fn.set(product);
      fn.block((done) => {
        fn.loop((top) => {
          fn.get(fn.param(0));
          fn.op("i32.eqz");
          fn.brIf(done);
          fn.get(product);
          fn.get(fn.param(0));
          fn.op("f64.convert_i32_s");
          fn.op("f64.mul");
          fn.set(product);
          fn.get(fn.param(0));
          fn.i32(1);
          fn.op("i32.sub");
          fn.set(fn.param(0));
          fn.br(top);
        });
      });
      fn.get(product);
    });
    expect(factorial(10)).toBe(3628800);
  });
  test("if with and without a result, select of vectors, return, unreachable code", () => {
    const sign = single(["f32"], ["i32"], (fn) => {
      fn.get(fn.param(0));
      fn.f32(0);
      fn.op("f32.lt");
      fn.if(() => {
        fn.i32(-1);
        fn.return();
      });
      fn.get(fn.param(0));
      fn.f32(0);
      fn.op("f32.gt");
      fn.ifResult(
        "i32",
        () => fn.i32(1),
        () => {
          fn.v128({ i32x4: [5, 0, 0, 0] });
          fn.v128({ i32x4: [6, 0, 0, 0] });
          fn.i32(0);
          fn.select();
          fn.lane("i32x4.extract_lane", 0);
        },
      );
    });
    expect([sign(-2), sign(0), sign(3)]).toEqual([-1, 6, 1]);
    expect(single([], ["i32"], (fn) => fn.op("unreachable"))).toThrow(WebAssembly.RuntimeError);
  });
  test("calls: imports, later functions, recursion; types are shared", () => {
    const m = new WasmModule();
    const heard: number[] = [];
    const log = m.importFunction("env", "log", { params: ["f64"], results: [] });
    const main = m.func("main", { params: ["i32"], results: ["i32"], exported: true });
    const fibonacci = m.func("fibonacci", { params: ["i32"], results: ["i32"] });
    main.f64(2.5);
    main.call(log);
    main.get(main.param(0));
    main.call(fibonacci);
    const n = fibonacci.param(0);
    const before = (k: number): void => {
      fibonacci.get(n);
      fibonacci.i32(k);
      fibonacci.op("i32.sub");
      fibonacci.call(fibonacci.handle);
    };
    fibonacci.get(n);
    fibonacci.i32(2);
    fibonacci.op("i32.lt_s");
    fibonacci.ifResult(
      "i32",
      () => fibonacci.get(n),
      () => {
        before(1);
        before(2);
        fibonacci.op("i32.add");
      },
    );
    const exports = run(m, { env: { log: (x: number) => heard.push(x) } });
    expect((exports.main as (n: number) => number)(20)).toBe(6765);
    expect(heard).toEqual([2.5]);
    expect(Object.keys(exports)).toEqual(["main"]);
  });
});

test("a SIMD axpy is right", () => {
  const m = new WasmModule();
  m.importMemory("env", "memory", { initial: 1 });
  const fn = m.func("axpy", { params: ["f32", "i32", "i32", "i32"], results: [], exported: true });
  const [a, x, y, end] = [0, 1, 2, 3].map((i) => fn.param(i)) as [never, never, never, never];
  const scale = fn.local("v128");
  fn.get(a);
  fn.op("f32x4.splat");
  fn.set(scale);
  fn.loop((top) => {
    fn.get(y);
    fn.get(scale);
    fn.get(x);
    fn.load("v128.load");
    fn.op("f32x4.mul");
    fn.get(y);
    fn.load("v128.load");
    fn.op("f32x4.add");
    fn.store("v128.store");
    for (const pointer of [x, y]) {
      fn.get(pointer);
      fn.i32(16);
      fn.op("i32.add");
      fn.set(pointer);
    }
    fn.get(y);
    fn.get(end);
    fn.op("i32.lt_u");
    fn.brIf(top);
  });
  const memory = new WebAssembly.Memory({ initial: 1 });
  const { axpy } = run(m, { env: { memory } });
  const f = new Float32Array(memory.buffer);
  for (let i = 0; i < 64; i++) [f[i], f[64 + i]] = [i, 1000 + i];
  (axpy as (a: number, x: number, y: number, end: number) => void)(0.5, 0, 256, 512);
  expect([...f.subarray(64, 128)]).toEqual(Array.from({ length: 64 }, (_, i) => 1000 + 1.5 * i));
});

test("400,000 instructions assemble quickly and validate", () => {
  const m = new WasmModule();
  const fn = m.func("long", { params: ["i32"], results: ["i32"], exported: true });
  const start = performance.now();
  fn.get(fn.param(0));
  for (let i = 0; i < 200_000; i++) {
    fn.i32(i);
    fn.op("i32.add");
  }
  const bytes = m.finish();
  // Tens of milliseconds in practice; the bound leaves room for a busy machine.
  expect(performance.now() - start).toBeLessThan(1000);
  expect(WebAssembly.validate(bytes)).toBe(true);
});
