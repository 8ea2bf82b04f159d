// Matrix products in WebAssembly: bit for bit the sums they promise, over shapes, strides, batches and dtypes.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createInterpBackend } from "../../src/backend/interp/index.ts";
import { emitMatmul } from "../../src/backend/wasm/kernels/index.ts";
import type { DType } from "../../src/ir/dtype.ts";
import { makeInput, makeNode, type Node, type Value } from "../../src/ir/graph.ts";
import type { MatmulWork, MatrixView } from "../../src/ir/kernel.ts";
import { sizeOf, stridesOf } from "../../src/ir/shape.ts";
import { bits, Bench, type Floats, floats } from "../support/kernel-bench.ts";

type Float = "float32" | "float64";
const float = fc.constantFrom<Float>("float32", "float64");

/** An operand with room around it, its axes (batch..., rows, columns) laid out in memory in any order, direction and spacing. */
interface Layout {
  readonly order: readonly number[];
  readonly flip: readonly boolean[];
  readonly gap: number;
  readonly broadcast: boolean;
  readonly lead: number;
}

const plain: Layout = { order: [], flip: [], gap: 0, broadcast: false, lead: 0 };
const turned: Layout = { ...plain, order: [1, 0] };
const layout: fc.Arbitrary<Layout> = fc.record({
  order: fc.array(fc.nat(9), { minLength: 4, maxLength: 4 }),
  flip: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
  gap: fc.nat(2),
  broadcast: fc.boolean(),
  lead: fc.nat(3),
});

/** Steps of axes in memory, offset of the first element, and how many elements the operand spans. */
function place(
  shape: readonly number[],
  { order, flip, gap, broadcast, lead }: Layout,
): { steps: number[]; offset: number; size: number } {
  const inner = shape
    .map((_, axis) => axis)
    .sort((x, y) => (order[y] ?? y) - (order[x] ?? x) || y - x);
  const steps = shape.map(() => 0);
  let step = 1;
  for (const axis of inner) {
    if (broadcast && axis < shape.length - 2) continue;
    steps[axis] = step;
    step *= shape[axis]! + gap;
  }
  let offset = lead;
  steps.forEach((value, axis) => {
    if (!flip[axis] || shape[axis] === 0) return;
    offset += value * (shape[axis]! - 1);
    steps[axis] = -value;
  });
  return { steps, offset, size: step + lead };
}

interface Case {
  readonly dtype: Float;
  readonly batch: readonly number[];
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly a: Layout;
  readonly b: Layout;
}

/** Element (batch, i, j) of an operand. */
type Read = (batch: number, i: number, j: number) => number;

/** Chunks in the wrong order: nothing may depend on it. */
const reversed = (chunks: number): number[] =>
  Array.from({ length: chunks }, (_, i) => chunks - 1 - i);

/** Runs a product in WebAssembly. `elements` of the operands are random; the result and how to read the operands come back. */
function multiply(
  { dtype, batch, m, k, n, a, b }: Case,
  seed = 1,
): { out: Floats; a: Read; b: Read } {
  const bench = new Bench();
  const operand = (
    rows: number,
    columns: number,
    layout: Layout,
    salt: number,
  ): [MatrixView, Read] => {
    const shape = [...batch, rows, columns];
    const { steps, offset, size } = place(shape, layout);
    const elements = floats(dtype, size, seed + salt);
    const value = makeInput({ shape: [size], dtype });
    bench.put(value, elements);
    const dense = stridesOf(batch);
    const read: Read = (index, i, j) => {
      let at = offset + i * steps.at(-2)! + j * steps.at(-1)!;
      batch.forEach(
        (extent, axis) => (at += (Math.floor(index / dense[axis]!) % extent) * steps[axis]!),
      );
      return elements[at]!;
    };
    return [
      { value, offset, batch: steps.slice(0, -2), row: steps.at(-2)!, column: steps.at(-1)! },
      read,
    ];
  };
  const [left, readA] = operand(m, k, a, 1);
  const [right, readB] = operand(k, n, b, 2);
  const out = makeInput({ shape: [...batch, m, n], dtype });
  const work: MatmulWork = { kind: "matmul", batch, m, k, n, a: left, b: right, out, dtype };
  bench.runPhases([(context) => emitMatmul(context, work)], [out], reversed);
  return { out: bench.get(out) as Floats, a: readA, b: readB };
}

/** The order in which emitMatmul adds up an element: sums over parts of k, which are then added in order. */
function orderOf({ batch, m, k, n, b }: Case): number[][] {
  const range = (count: number, from = 0, step = 1): number[] =>
    Array.from({ length: count }, (_, i) => from + i * step);
  const [row, column] = place([...batch, k, n], b).steps.slice(-2) as [number, number];
  const streamed = n >= 64 && k * n >= 65536 && row > 0 && column === 1;
  if (m > 4 || !streamed) return [range(k)];
  const wanted = Math.max(1, Math.min(8, k, Math.floor((m * k * n) / 400_000)));
  const size = batch.length > 0 ? k : Math.ceil(k / wanted);
  return range(Math.ceil(k / size), 0, size).map((from) => {
    const length = Math.min(size, k - from);
    const streams = m <= 2 ? 4 : 2;
    const depth = Math.floor(length / streams);
    const together = range(depth).flatMap((i) => range(streams, from + i, depth));
    return [...together, ...range(length % streams, from + streams * depth)];
  });
}

/** The sum that emitMatmul documents, in the dtype's own arithmetic. */
function expected(given: Case, a: Read, b: Read): Floats {
  const { dtype, batch, m, n } = given;
  const round = dtype === "float32" ? Math.fround : (x: number): number => x;
  const parts = orderOf(given);
  const size = sizeOf([...batch, m, n]);
  const out = dtype === "float32" ? new Float32Array(size) : new Float64Array(size);
  let at = 0;
  for (let index = 0; index < sizeOf(batch); index++) {
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        const sums = parts.map((part) =>
          part.reduce((sum, q) => round(sum + round(a(index, i, q) * b(index, q, j))), 0),
        );
        out[at++] = sums.reduce((sum, one) => round(sum + one));
      }
    }
  }
  return out;
}

function check(given: Case): void {
  const { out, a, b } = multiply(given);
  expect(bits(out)).toEqual(bits(expected(given, a, b)));
}

describe("matmul", () => {
  test("every small shape, row-major and transposed", () => {
    const sizes = [1, 2, 3, 4, 5, 7, 8, 9, 17];
    for (const dtype of ["float32", "float64"] as const) {
      for (const m of [1, 2, 3, 4, 5, 33]) {
        for (const n of sizes) {
          for (const k of [1, 3, 9]) {
            check({ dtype, batch: [], m, k, n, a: plain, b: plain });
            check({ dtype, batch: [], m, k, n, a: turned, b: turned });
          }
        }
      }
    }
  });

  test("any shape, stride, direction, batch and dtype", () => {
    const shape = fc.record({
      dtype: float,
      batch: fc.array(fc.nat(3), { maxLength: 2 }),
      m: fc.nat(40),
      k: fc.nat(40),
      n: fc.nat(40),
      a: layout,
      b: layout,
    });
    fc.assert(fc.property(shape, check), { numRuns: 300 });
  });

  test("products cut into blocks of k and n, packed or not", () => {
    for (const m of [1, 2, 9, 40]) {
      for (const [a, b] of [
        [plain, plain],
        [turned, plain],
        [plain, turned],
        [turned, turned],
      ] as const) {
        check({ dtype: "float32", batch: [], m, k: 261, n: 270, a, b });
        check({ dtype: "float64", batch: [], m, k: 258, n: 257, a, b });
      }
    }
    check({ dtype: "float32", batch: [], m: 30, k: 519, n: 3, a: plain, b: plain });
    check({ dtype: "float32", batch: [], m: 5, k: 800, n: 1, a: plain, b: plain });
  });

  test("a row's bits do not depend on how many rows there are", () => {
    for (const n of [1, 2, 20, 64]) {
      for (const b of [plain, turned]) {
        const many = multiply({ dtype: "float32", batch: [], m: 37, k: 50, n, a: plain, b });
        for (const m of [1, 2, 3, 6]) {
          const few = multiply({ dtype: "float32", batch: [], m, k: 50, n, a: plain, b });
          expect(bits(few.out)).toEqual(bits(many.out.slice(0, m * n)));
        }
      }
    }
  });

  test("nothing is written beside the result, and sums over nothing are zero", () => {
    // Bench surrounds every value with guards and checks them after the run.
    check({ dtype: "float32", batch: [2], m: 3, k: 0, n: 5, a: plain, b: plain });
    check({ dtype: "float32", batch: [0], m: 3, k: 2, n: 5, a: plain, b: plain });
  });

  test("large products, cut into chunks of every kind", () => {
    for (const [batch, m, k, n] of [
      [[], 150, 90, 203],
      [[], 3, 300, 3001],
      [[], 700, 300, 3],
      [[9], 40, 33, 65],
      [[], 1500, 3, 400],
      [[], 1, 33, 4099],
      [[], 4, 67, 2050],
      [[], 1, 1003, 515],
      [[], 2, 2501, 67],
      [[], 3, 700, 1001],
      [[3], 2, 300, 301],
      [[2], 4, 1025, 66],
    ] as const)
      for (const dtype of ["float32", "float64"] as const) {
        const given = { dtype, batch: [...batch], m, k, n, a: plain, b: plain };
        const { out, a, b } = multiply(given);
        expect(bits(out)).toEqual(bits(expected(given, a, b)));
      }
  });

  test("few rows times a large matrix, whatever the strides", () => {
    const back = { ...plain, flip: [false, true], lead: 3 };
    const apart = { ...plain, gap: 2, lead: 1 };
    for (const a of [turned, back, { ...turned, flip: [true, true] }, apart])
      for (const b of [apart, { ...plain, flip: [true, false] }, turned])
        for (const m of [1, 4]) check({ dtype: "float32", batch: [], m, k: 517, n: 259, a, b });
  });

  test("infinities and NaN of one row stay in that row", () => {
    const bench = new Bench();
    const [a, b, out] = [
      [5, 3],
      [3, 6],
      [5, 6],
    ].map((shape) => makeInput({ shape, dtype: "float32" })) as [Value, Value, Value];
    const elements = floats("float32", 15, 3);
    elements[4] = NaN;
    bench.put(a, elements);
    bench.put(b, floats("float32", 18, 4));
    const view = (value: Value, row: number): MatrixView => ({
      value,
      offset: 0,
      batch: [],
      row,
      column: 1,
    });
    const work: MatmulWork = {
      kind: "matmul",
      batch: [],
      m: 5,
      k: 3,
      n: 6,
      a: view(a, 3),
      b: view(b, 6),
      out,
      dtype: "float32",
    };
    bench.runPhases([(context) => emitMatmul(context, work)], [out]);
    expect([...bench.get(out)].map(Number.isNaN)).toEqual(
      Array.from({ length: 30 }, (_, i) => Math.floor(i / 6) === 1),
    );
  });

  test("agrees with the plain backend", () => {
    const [m, k, n] = [12, 31, 10];
    const { out, a, b } = multiply({ dtype: "float64", batch: [2], m, k, n, a: plain, b: plain });
    const backend = createInterpBackend();
    const type = (shape: number[]): { shape: number[]; dtype: DType } => ({
      shape,
      dtype: "float64",
    });
    const [x, y] = [makeInput(type([2, m, k])), makeInput(type([2, k, n]))];
    const node = makeNode("matmul", {}, [x, y], [type([2, m, n])]) as unknown as Node;
    const address = new Map(
      [x, y, node.outputs[0]!].map((value) => [
        value,
        backend.memory.allocate(8 * sizeOf(value.shape)),
      ]),
    );
    const fill = (value: Value, read: Read): void => {
      const [count, rows, columns] = value.shape as [number, number, number];
      for (let i = 0; i < count * rows * columns; i++) {
        backend.memory.f64[address.get(value)! / 8 + i] = read(
          Math.floor(i / (rows * columns)),
          Math.floor(i / columns) % rows,
          i % columns,
        );
      }
    };
    fill(x, a);
    fill(y, b);
    const kernel = {
      name: "product",
      nodes: [node],
      inputs: [x, y],
      outputs: node.outputs,
      work: { kind: "loops", nests: [] },
    } as const;
    backend.compile([
      {
        name: "test",
        kernels: [kernel],
        place: (value) => ({ kind: "address", address: address.get(value)! }),
        slots: 0,
      },
    ])[0]!();
    const start = address.get(node.outputs[0]!)! / 8;
    out.forEach((element, i) => expect(element).toBeCloseTo(backend.memory.f64[start + i]!, 12));
  });
});
