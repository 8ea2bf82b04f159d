// The allocator keeps its books, and the plain backend computes what the primitives are documented to mean.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Allocator, blockAlignment } from "../../src/backend/allocator.ts";
import { readElements, writeElements } from "../../src/backend/backend.ts";
import { createInterpBackend } from "../../src/backend/interp/index.ts";
import { threefry, erf, roundHalfEven } from "../../src/backend/interp/numeric.ts";
import { type DType, kernelBytes, type TypedArray } from "../../src/ir/dtype.ts";
import { InternalError } from "../../src/base/errors.ts";
import { makeInput, makeNode, type Node, type TensorType, type Value } from "../../src/ir/graph.ts";
import type { Place } from "../../src/ir/kernel.ts";
import type { ParamsOf, PrimName } from "../../src/ir/prim.ts";
import { type Shape, sizeOf } from "../../src/ir/shape.ts";

describe("allocator", () => {
  const make = (): { allocator: Allocator; bytes: Uint8Array; ends: number[] } => {
    const bytes = new Uint8Array(1 << 16);
    const ends: number[] = [];
    const grow = (end: number): number => {
      if (end > bytes.length) throw new RangeError("full");
      ends.push(end);
      return Math.min(bytes.length, end + 1000);
    };
    return {
      allocator: new Allocator({ grow, clear: (start, end) => void bytes.fill(0, start, end) }),
      bytes,
      ends,
    };
  };

  test("blocks are aligned, zeroed, apart from each other, and used counts them", () => {
    const operation = fc.record({ bytes: fc.nat(700), release: fc.boolean(), which: fc.nat() });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 80 }), (operations) => {
        const { allocator, bytes } = make();
        const live: { at: number; bytes: number }[] = [];
        for (const { bytes: asked, release, which } of operations) {
          if (release && live.length > 0) {
            const [block] = live.splice(which % live.length, 1);
            allocator.free(block!.at, block!.bytes);
          } else {
            const at = allocator.allocate(asked);
            expect(at % blockAlignment).toBe(0);
            expect(at).toBeGreaterThan(0);
            expect(bytes.subarray(at, at + asked).every((byte) => byte === 0)).toBe(true);
            bytes.fill(255, at, at + asked);
            for (const other of live) {
              expect(
                at + Math.max(asked, 1) <= other.at || other.at + Math.max(other.bytes, 1) <= at,
              ).toBe(true);
            }
            live.push({ at, bytes: asked });
          }
          const rounded = live.map((block) => Math.ceil(Math.max(block.bytes, 1) / 64) * 64);
          expect(allocator.used).toBe(rounded.reduce((sum, size) => sum + size, 0));
        }
      }),
    );
  });

  test("freed neighbours merge: everything given back, the whole can be had again at the start", () => {
    const { allocator } = make();
    const first = allocator.allocate(100);
    const rest = [200, 300, 400].map((bytes) => ({ at: allocator.allocate(bytes), bytes }));
    allocator.free(rest[1]!.at, 300);
    allocator.free(first, 100);
    allocator.free(rest[2]!.at, 400);
    allocator.free(rest[0]!.at, 200);
    expect(allocator.used).toBe(0);
    expect(allocator.allocate(128 + 256 + 320 + 448)).toBe(first);
  });

  test("memory does not grow while blocks of one size come and go", () => {
    const { allocator, ends } = make();
    for (let i = 0; i < 1000; i++) allocator.free(allocator.allocate(5000), 5000);
    expect(ends).toHaveLength(1);
  });

  test("exhaustion leaves the books as they were", () => {
    const { allocator } = make();
    const at = allocator.allocate(64);
    expect(() => allocator.allocate(1 << 20)).toThrow(RangeError);
    expect(() => allocator.allocate(NaN)).toThrow(RangeError);
    expect(allocator.used).toBe(64);
    expect(allocator.allocate(64)).toBe(at + 64);
  });

  test("a block given back twice, or never handed out, is refused", () => {
    const { allocator } = make();
    const at = allocator.allocate(128);
    allocator.allocate(64);
    allocator.free(at, 128);
    expect(() => allocator.free(at, 128)).toThrow(InternalError);
    expect(() => allocator.free(at + 64, 64)).toThrow(InternalError);
    expect(() => allocator.free(1 << 15, 64)).toThrow(InternalError);
  });
});

const f32 = (shape: Shape, ...data: number[]): [Shape, TypedArray] => [
  shape,
  new Float32Array(data),
];
const f64 = (shape: Shape, ...data: number[]): [Shape, TypedArray] => [
  shape,
  new Float64Array(data),
];
const i32 = (shape: Shape, ...data: number[]): [Shape, TypedArray] => [shape, new Int32Array(data)];
const bool = (shape: Shape, ...data: number[]): [Shape, TypedArray] => [
  shape,
  new Uint8Array(data),
];

function dtypeOf(elements: TypedArray): DType {
  if (elements instanceof Float32Array) return "float32";
  if (elements instanceof Float64Array) return "float64";
  return elements instanceof Int32Array ? "int32" : "bool";
}

/** Runs one node through the backend's memory, its output by way of a slot. */
function run<P extends PrimName>(
  prim: P,
  params: ParamsOf<P>,
  inputs: [Shape, TypedArray][],
  output: TensorType,
): number[] {
  const backend = createInterpBackend();
  const places = new Map<Value, Place>();
  const reserve = ({ shape, dtype }: TensorType): number =>
    backend.memory.allocate(sizeOf(shape) * kernelBytes[dtype]);
  const values = inputs.map(([shape, elements]) => {
    const value = makeInput({ shape, dtype: dtypeOf(elements) });
    const address = reserve(value);
    writeElements(backend.memory, address, elements);
    places.set(value, { kind: "address", address });
    return value;
  });
  const node = makeNode(prim, params, values, [output]) as unknown as Node;
  const slots = backend.memory.allocate(4);
  places.set(node.outputs[0]!, { kind: "slot", slot: 0 });
  const kernel = {
    name: prim,
    nodes: [node],
    inputs: values,
    outputs: node.outputs,
    work: { kind: "loops", nests: [] },
  } as const;
  const [call] = backend.compile([
    { name: "test", kernels: [kernel], place: (value) => places.get(value)!, slots },
  ]);
  const address = reserve(output);
  backend.memory.i32[slots / 4] = address;
  call!();
  return [...readElements(backend.memory, address, output.dtype, sizeOf(output.shape))];
}

const type = (dtype: DType, ...shape: number[]): TensorType => ({ dtype, shape });

describe("interp", () => {
  test("elementwise floats", () => {
    expect(run("exp", {}, [f32([2], 1, -Infinity)], type("float32", 2))).toEqual([
      Math.fround(Math.E),
      0,
    ]);
    expect(run("round", {}, [f64([5], 0.5, 1.5, 2.5, -0.5, -2.7)], type("float64", 5))).toEqual([
      0, 2, 2, -0, -3,
    ]);
    expect(run("max", {}, [f64([3], 1, NaN, 2), f64([3], 3, 1, NaN)], type("float64", 3))).toEqual([
      3,
      NaN,
      NaN,
    ]);
    expect(run("rem", {}, [f64([2], -7.5, 7.5), f64([2], 2, -2)], type("float64", 2))).toEqual([
      -1.5, 1.5,
    ]);
    expect(run("add", {}, [f32([1], 16777216), f32([1], 1)], type("float32", 1))).toEqual([
      16777216,
    ]);
    expect(run("ne", {}, [f32([2], NaN, 1), f32([2], NaN, 1)], type("bool", 2))).toEqual([1, 0]);
    expect(
      run("select", {}, [bool([2], 1, 0), f32([2], 1, 2), f32([2], 3, 4)], type("float32", 2)),
    ).toEqual([1, 4]);
    expect(run("not", {}, [bool([2], 1, 0)], type("bool", 2))).toEqual([0, 1]);
  });

  test("int32 wraps, division truncates and nothing traps", () => {
    const low = -(2 ** 31);
    expect(run("mul", {}, [i32([1], 123456789), i32([1], 987654321)], type("int32", 1))).toEqual([
      Math.imul(123456789, 987654321),
    ]);
    expect(run("add", {}, [i32([1], 2 ** 31 - 1), i32([1], 1)], type("int32", 1))).toEqual([low]);
    expect(run("div", {}, [i32([3], -7, 7, low), i32([3], 2, 0, -1)], type("int32", 3))).toEqual([
      -3,
      0,
      low,
    ]);
    expect(run("rem", {}, [i32([2], -7, 7), i32([2], 2, 0)], type("int32", 2))).toEqual([-1, 0]);
    expect(
      run("pow", {}, [i32([4], 3, -1, 2, 0), i32([4], 4, -3, -1, 0)], type("int32", 4)),
    ).toEqual([81, -1, 0, 1]);
    expect(run("shiftRight", { bits: 1 }, [i32([2], -1, 8)], type("int32", 2))).toEqual([
      2 ** 31 - 1,
      4,
    ]);
    expect(run("neg", {}, [i32([1], low)], type("int32", 1))).toEqual([low]);
  });

  test("casts truncate and saturate", () => {
    const x = f64([6], -1.9, 1.9, NaN, 3e9, -Infinity, 0.5);
    expect(run("cast", { dtype: "int32" }, [x], type("int32", 6))).toEqual([
      -1,
      1,
      0,
      2 ** 31 - 1,
      -(2 ** 31),
      0,
    ]);
    expect(run("cast", { dtype: "bool" }, [f64([3], 0, -0, NaN)], type("bool", 3))).toEqual([
      0, 0, 1,
    ]);
    expect(run("cast", { dtype: "float32" }, [i32([1], 16777217)], type("float32", 1))).toEqual([
      16777216,
    ]);
  });

  test("views", () => {
    const x = i32([2, 3], 1, 2, 3, 4, 5, 6);
    expect(run("transpose", { perm: [1, 0] }, [x], type("int32", 3, 2))).toEqual([
      1, 4, 2, 5, 3, 6,
    ]);
    expect(run("broadcast", { shape: [2, 2] }, [i32([2, 1], 7, 8)], type("int32", 2, 2))).toEqual([
      7, 7, 8, 8,
    ]);
    const slice = { start: [0, 0], stop: [2, 3], step: [1, 2] };
    expect(run("slice", slice, [x], type("int32", 2, 2))).toEqual([1, 3, 4, 6]);
    expect(run("flip", { axes: [1] }, [x], type("int32", 2, 3))).toEqual([3, 2, 1, 6, 5, 4]);
    const pad = { low: [1], high: [2], interior: [1], value: 9 };
    expect(run("pad", pad, [i32([2], 1, 2)], type("int32", 6))).toEqual([9, 1, 9, 2, 9, 9]);
    expect(
      run("concat", { axis: 1 }, [i32([2, 1], 1, 2), i32([2, 2], 3, 4, 5, 6)], type("int32", 2, 3)),
    ).toEqual([1, 3, 4, 2, 5, 6]);
    expect(
      run("iota", { shape: [2, 2], axis: 0, dtype: "float32" }, [], type("float32", 2, 2)),
    ).toEqual([0, 0, 1, 1]);
    expect(
      run("constant", { value: 0.1, shape: [], dtype: "float32" }, [], type("float32")),
    ).toEqual([Math.fround(0.1)]);
  });

  test("reductions", () => {
    const x = f32([2, 3], 1, 2, 3, 4, 5, 6);
    expect(run("reduceSum", { axes: [0] }, [x], type("float32", 3))).toEqual([5, 7, 9]);
    expect(run("reduceProd", { axes: [0, 1] }, [x], type("float32"))).toEqual([720]);
    expect(run("reduceMax", { axes: [1] }, [f32([1, 2], NaN, 1)], type("float32", 1))).toEqual([
      NaN,
    ]);
    expect(run("reduceMin", { axes: [0] }, [i32([0, 1])], type("int32", 1))).toEqual([2 ** 31 - 1]);
    const rounding = f32([4], 16777216, 1, 1, -16777216);
    expect(run("reduceSum", { axes: [0] }, [rounding], type("float32"))).toEqual([2]);
    expect(
      run("argMax", { axis: 1 }, [f32([2, 3], 1, 3, 3, NaN, 9, NaN)], type("int32", 2)),
    ).toEqual([1, 0]);
    expect(run("argMin", { axis: 0 }, [i32([3, 2], 2, 1, 1, 5, 1, 0)], type("int32", 2))).toEqual([
      1, 2,
    ]);
    expect(run("cumSum", { axis: 1, reverse: true }, [x], type("float32", 2, 3))).toEqual([
      6, 5, 3, 15, 11, 6,
    ]);
  });

  test("matmul, gather, scatterAdd", () => {
    const a = f64([1, 2, 2], 1, 2, 3, 4);
    expect(run("matmul", {}, [a, f64([1, 2, 1], 5, 6)], type("float64", 1, 2, 1))).toEqual([
      17, 39,
    ]);
    const x = i32([2, 3], 1, 2, 3, 4, 5, 6);
    expect(run("gather", { axis: 1 }, [x, i32([2], 9, -4)], type("int32", 2, 2))).toEqual([
      3, 1, 6, 4,
    ]);
    const updates = f32([3, 1], 1, 2, 4);
    expect(
      run("scatterAdd", { axis: 0, size: 2 }, [updates, i32([3], 0, 5, 1)], type("float32", 2, 1)),
    ).toEqual([1, 6]);
  });

  test("threefry gives the words of the reference implementation (Random123, kat_vectors)", () => {
    const hex = (words: readonly number[]): string[] =>
      words.map((word) => (word >>> 0).toString(16).padStart(8, "0"));
    expect(hex(threefry([0, 0], [0, 0]))).toEqual(["6b200159", "99ba4efe"]);
    expect(hex(threefry([-1, -1], [-1, -1]))).toEqual(["1cb996fc", "bb002be7"]);
    expect(hex(threefry([0x13198a2e, 0x03707344], [0x243f6a88, 0x85a308d3 | 0]))).toEqual([
      "c4923a9c",
      "483df7a0",
    ]);
    const bits = run("randomBits", { shape: [3] }, [i32([2], 0, 0)], type("int32", 3));
    expect(hex(bits)).toEqual([
      ...hex(threefry([0, 0], [0, 0])),
      hex(threefry([0, 0], [1, 0]))[0]!,
    ]);
  });

  test("erf and rounding to even", () => {
    // Values from Abramowitz and Stegun, table 7.1, and DLMF's closed forms.
    expect(erf(0.5)).toBeCloseTo(0.5204998778130465, 15);
    expect(erf(1)).toBeCloseTo(0.8427007929497149, 15);
    expect(erf(-2)).toBeCloseTo(-0.9953222650189527, 15);
    expect(Math.abs(erf(3 - 1e-12) - erf(3))).toBeLessThan(1e-15);
    expect(1 - erf(4)).toBeCloseTo(1.541725790028002e-8, 15);
    expect([erf(0), erf(-0), erf(7), erf(-Infinity), erf(NaN)]).toEqual([0, -0, 1, -1, NaN]);
    expect([0.5, 1.5, -0.5, -1.5, 2 ** 52 + 1, Infinity].map(roundHalfEven)).toEqual([
      0,
      2,
      -0,
      -2,
      2 ** 52 + 1,
      Infinity,
    ]);
  });

  test("a kernel that reads what nobody computes is a defect, and says so", () => {
    const backend = createInterpBackend();
    const x = makeInput(type("float32", 1));
    const node = makeNode("neg", {}, [x], [x]) as unknown as Node;
    const kernel = {
      name: "broken",
      nodes: [node],
      inputs: [],
      outputs: [],
      work: { kind: "loops", nests: [] },
    } as const;
    const [call] = backend.compile([
      {
        name: "test",
        kernels: [kernel],
        place: () => ({ kind: "address", address: 64 }),
        slots: 0,
      },
    ]);
    expect(call).toThrow(/kernel broken: expected an input/);
  });
});
