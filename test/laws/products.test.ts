/** @file Laws of matrix products over views of every kind: exact in integers, with the same bits on any number of threads. */
import fc from "fast-check";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { setBackend, setThreads, threads } from "../../src/compile/engine.ts";
import { jit } from "../../src/compile/jit.ts";
import type { DType } from "../../src/ir/dtype.ts";
import { sizeOf } from "../../src/ir/shape.ts";
import type { Tensor } from "../../src/ir/tensor.ts";
import { flip, matmul, slice, tensor, transpose } from "../../src/ops/index.ts";
import { difference } from "../support/check-image-program.ts";

const before = threads();
afterEach(() => setBackend("wasm"));
afterAll(() => setThreads(before));

/** Small integers, so that sums are exact in any order. */
const integers = (shape: readonly number[], dtype: DType): Tensor =>
  tensor(
    Array.from({ length: sizeOf(shape) }, (_, i) => ((i * 7919 + 31 * shape.length) % 13) - 6),
    { shape, dtype },
  );

/** An operand of so many rows and columns: a tensor, and how it is seen. */
type Seen = (rows: number, columns: number) => [shape: number[], view: (x: Tensor) => Tensor];
const views: Record<string, Seen> = {
  whole: (rows, columns) => [[rows, columns], (x) => x],
  transposed: (rows, columns) => [[columns, rows], (x) => transpose(x)],
  "upside down": (rows, columns) => [[rows, columns], (x) => flip(x, 0)],
  mirrored: (rows, columns) => [[rows, columns], (x) => flip(x, 1)],
  turned: (rows, columns) => [[rows, columns], (x) => flip(x)],
  "cut out": (rows, columns) => [
    [rows + 2, columns + 3],
    (x) => slice(x, [1, 2], [rows + 1, columns + 2]),
  ],
  thinned: (rows, columns) => [
    [2 * rows, 2 * columns],
    (x) => slice(x, [1, 0], [2 * rows, 2 * columns], [2, 2]),
  ],
};

function check(
  [m, k, n]: readonly [number, number, number],
  left: string,
  right: string,
  dtype: DType,
  turns = 1,
): void {
  const [leftShape, leftView] = views[left]!(m, k);
  const [rightShape, rightView] = views[right]!(k, n);
  const [a, b] = [integers(leftShape, dtype), integers(rightShape, dtype)];
  const product = jit((x: Tensor, y: Tensor) => matmul(leftView(x), rightView(y)));
  setBackend("interp");
  const wanted = product(a, b);
  setBackend("wasm");
  setThreads(3);
  product(a, b);
  for (let turn = 0; turn < turns; turn++)
    for (const count of [3, 1, 2]) {
      setThreads(count);
      expect(difference([product(a, b)], [wanted], 0), `${count} threads`).toBeUndefined();
    }
}

describe("products", () => {
  // The last chunk is shorter here, and wants less memory of its own: threads' regions have to lie apart all the same.
  for (const [sides, left, right] of [
    [[9, 100, 2048], "transposed", "mirrored"],
    [[64, 100, 300], "transposed", "cut out"],
    [[65, 9, 5000], "turned", "mirrored"],
    [[5, 511, 300], "whole", "turned"],
    [[7, 257, 1000], "transposed", "turned"],
  ] as const)
    it(`of ${sides.join(" x ")}, ${left} and ${right}, on any number of threads`, () =>
      check(sides, left, right, "float32", 40));

  it("of random sides and views", () => {
    const side = fc.constantFrom(1, 2, 3, 4, 5, 8, 9, 16, 31, 65, 128, 257, 300, 1000, 2100);
    const view = fc.constantFrom(...Object.keys(views));
    fc.assert(
      fc.property(
        fc.tuple(side, side, side).filter(([m, k, n]) => m * k * n < 4e6 && k * n < 5e5),
        view,
        view,
        fc.constantFrom<DType>("float32", "float64"),
        (sides, left, right, dtype) => check(sides, left, right, dtype),
      ),
      { numRuns: 40 },
    );
  });
});
