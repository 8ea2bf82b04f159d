// Products with few rows over a large right operand: a dense layer on one sample. What counts is to stream b through, whole
// rows at a time; the sums wait in the first-level cache.
import type { FunctionBuilder, WasmModule } from "../asm/index.ts";
import { repeat, sharedFunction } from "./flow.ts";
import { lanesOf, loadLanes, multiplyAdd, storeLanes } from "./lanes.ts";
import type { Product } from "./plan.ts";
import { advance, clear, pointAt } from "./pointers.ts";

const mostRows = 4;
/** Elements of b from which it does not stay in a cache, and streaming pays. */
const large = 1 << 16;
/** Elements of a in registers. */
const held = 8;

/**
 * Columns of a chunk: rows of b are read in runs of two pages or more. Runs of one kilobyte, a row apart, were read at a
 * tenth of the speed.
 */
export const thinColumns = 2048;

/** Whether a product is one for this file. */
export function isThin({ m, k, n, b, out, partials, panels, accumulate }: Product): boolean {
  return (
    m <= mostRows &&
    k * n >= large &&
    n >= 64 &&
    b.column === 1 &&
    b.row > 0 &&
    out.column === 1 &&
    partials === 1 &&
    panels !== true &&
    accumulate !== true
  );
}

/** A function (a, b, out, scratch: addresses) -> nothing that computes the product. Each element is summed in order of k. */
export function thinFunction(module: WasmModule, product: Product): FunctionBuilder {
  const name = `thin_${JSON.stringify(product)}`;
  const params = ["i32", "i32", "i32", "i32"] as const;
  return sharedFunction(module, name, { params: [...params], results: [] }, (fn) =>
    emitThin(fn, product),
  );
}

function emitThin(fn: FunctionBuilder, { dtype, m, k, n, a, b, out }: Product): void {
  const lanes = lanesOf(dtype);
  const { bytes, count, shape } = lanes;
  const [left, right, result] = [fn.param(0), fn.param(1), fn.param(2)];
  const line = fn.local("i32");
  for (let i = 0; i < m; i++) {
    pointAt(fn, line, result);
    advance(fn, line, i * out.row * bytes);
    clear(fn, line, n * bytes);
  }
  const depth = Math.max(2, Math.floor(held / m));
  const lowest = (steps: number): number =>
    (Math.min(0, (m - 1) * a.row) + Math.min(0, (steps - 1) * a.column)) * bytes;
  const [from, to, row, sum] = [
    fn.local("i32"),
    fn.local("i32"),
    fn.local("v128"),
    fn.local("v128"),
  ];
  const elements = Array.from({ length: m }, () =>
    Array.from({ length: depth }, () => fn.local("v128")),
  );
  const sums = Array.from({ length: m }, (_, i) => (i === 0 ? sum : fn.local("v128")));
  const vector = (steps: number, width: number, shift: number): void => {
    sums.forEach((register, i) => {
      loadLanes(fn, lanes, to, (i * out.row + shift) * bytes, width);
      fn.set(register);
    });
    for (let u = 0; u < steps; u++) {
      loadLanes(fn, lanes, from, (u * b.row + shift) * bytes, width);
      fn.set(row);
      sums.forEach((register, i) => multiplyAdd(fn, shape, register, elements[i]![u]!, row));
    }
    sums.forEach((register, i) =>
      storeLanes(fn, lanes, to, (i * out.row + shift) * bytes, width, register),
    );
  };
  const pass = (steps: number): void => {
    advance(fn, left, lowest(steps));
    elements.forEach((line, i) =>
      line.slice(0, steps).forEach((element, u) => {
        fn.get(left);
        fn.load(lanes.splat, (i * a.row + u * a.column) * bytes - lowest(steps));
        fn.set(element);
      }),
    );
    advance(fn, left, steps * a.column * bytes - lowest(steps));
    pointAt(fn, from, right);
    pointAt(fn, to, result);
    const together = m === 1 ? 2 : 1;
    const blocks = Math.floor(n / (count * together));
    repeat(fn, blocks, () => {
      for (let v = 0; v < together; v++) vector(steps, count, v * count);
      advance(fn, from, together * count * bytes);
      advance(fn, to, together * count * bytes);
    });
    for (let done = blocks * count * together; done < n; done += count) {
      vector(steps, Math.min(count, n - done), 0);
      advance(fn, from, count * bytes);
      advance(fn, to, count * bytes);
    }
    advance(fn, right, steps * b.row * bytes);
  };
  repeat(fn, Math.floor(k / depth), () => pass(depth));
  if (k % depth > 0) pass(k % depth);
}
