/**
 * @file Products with few rows over a large right operand: a dense layer on one sample. What counts is to stream b
 * through, in order of memory and without a break, from a few places far apart; the sums wait in the first-level cache.
 */
import type { FunctionBuilder, Local, WasmModule } from "../../asm/index.ts";
import {
  type Cut,
  copyOf,
  cut,
  forBlocks,
  type Moves,
  repeat,
  sharedFunction,
  advance,
  clear,
  pointAt,
} from "../flow.ts";
import { lanesOf, loadLanes, multiplyAdd, storeLanes } from "../lanes.ts";
import type { Product } from "./product.ts";

const mostRows = 4;
/** Elements of b from which it does not stay in a cache, and streaming pays. */
const large = 1 << 16;
/** Vectors of a row in one step of the loop: a line of the cache. */
const together = 4;
const page = 4096;

/** Whether a product is one for this file. */
export function isThin({ m, k, n, b, out, panels, accumulate, inOrder }: Product): boolean {
  return (
    inOrder !== true &&
    m <= mostRows &&
    k * n >= large &&
    n >= 64 &&
    b.column === 1 &&
    b.row > 0 &&
    out.column === 1 &&
    panels !== true &&
    accumulate !== true
  );
}

/**
 * Places of b that are read at the same time, a row each. On an AMD EPYC with a second-level cache of 1 MiB one place came at
 * 35 GB/s from memory, two at 43, four at 41, eight at 30, and eight neighbouring rows at 27, whose every end breaks a
 * stream; from the third-level cache four were the fastest, as they touch the sums least.
 */
export function thinStreams(m: number): number {
  return m <= 2 ? 4 : 2;
}

/** Multiplications that are worth a part of its own. */
const partWork = 400_000;
const mostParts = 8;

/** k in parts whose sums are apart, for threads to share. */
export function thinParts({ m, k, n }: Product): Cut {
  const parts = Math.max(1, Math.min(mostParts, k, Math.floor((m * k * n) / partWork)));
  return cut(k, 1, parts);
}

/** Bytes of scratch memory for the sums of all parts, and to place them in a page. */
export function thinScratch({ dtype, m, n }: Product, parts: Cut): number {
  return parts.count * m * n * lanesOf(dtype).bytes + page;
}

/**
 * Where sums [part][m][n] begin in scratch memory: half a page from b, as cores that guess which loads follow which stores take
 * addresses whole pages apart for the same.
 */
export function placeSums(fn: FunctionBuilder, scratch: number, b: Local): Local {
  const sums = copyOf(fn, scratch);
  fn.get(b);
  fn.i32(page / 2 - scratch);
  fn.op("i32.add");
  fn.i32(page - 64);
  fn.op("i32.and");
  fn.get(sums);
  fn.op("i32.add");
  fn.set(sums);
  return sums;
}

/**
 * A function (a, b, out, scratch: addresses) -> nothing that computes the product, without scratch memory. k is cut into as many equal parts as there are
 * streams; elements are summed in order of the places in a part, and at each place in order of the parts; what does not divide
 * comes last.
 */
export function thinFunction(module: WasmModule, product: Product): FunctionBuilder {
  const name = `thin_${JSON.stringify(product)}`;
  const params = ["i32", "i32", "i32", "i32"] as const;
  return sharedFunction(module, name, { params: [...params], results: [] }, (fn) => {
    const { dtype, m, k, n, a, b, out } = product;
    const { bytes } = lanesOf(dtype);
    const line = copyOf(fn, fn.param(2));
    repeat(fn, m, () => {
      clear(fn, line, n * bytes);
      advance(fn, line, out.row * bytes);
    });
    const streams = thinStreams(m);
    const depth = Math.floor(k / streams);
    repeat(fn, depth, () => emitRows(fn, product, streams, depth));
    advance(fn, fn.param(0), (streams - 1) * depth * a.column * bytes);
    advance(fn, fn.param(1), (streams - 1) * depth * b.row * bytes);
    repeat(fn, k % streams, () => emitRows(fn, product, 1, depth));
  });
}

/** Adds the products of a row of b in each stream, and moves the pointers to a and b to the next. */
function emitRows(fn: FunctionBuilder, product: Product, streams: number, depth: number): void {
  const { dtype, m, n, a, b, out } = product;
  const lanes = lanesOf(dtype);
  const { bytes, count, shape } = lanes;
  const [left, right, result] = [fn.param(0), fn.param(1), fn.param(2)];
  const numbers = (length: number): number[] => Array.from({ length }, (_, i) => i);
  const lowest =
    (Math.min(0, (m - 1) * a.row) + Math.min(0, (streams - 1) * depth * a.column)) * bytes;
  advance(fn, left, lowest);
  const elements = numbers(m).map((i) =>
    numbers(streams).map((s) => {
      const element = fn.local("v128");
      fn.get(left);
      fn.load(lanes.splat, (i * a.row + s * depth * a.column) * bytes - lowest);
      fn.set(element);
      return element;
    }),
  );
  advance(fn, left, a.column * bytes - lowest);

  const from = numbers(streams).map((s) => {
    const pointer = copyOf(fn, right);
    advance(fn, pointer, s * depth * b.row * bytes);
    return pointer;
  });
  const to = copyOf(fn, result);
  const rows = numbers(streams).map(() => fn.local("v128"));
  const sum = fn.local("v128");
  const vector = (width: number, shift: number): void => {
    rows.forEach((row, s) => {
      loadLanes(fn, lanes, from[s]!, shift * bytes, width);
      fn.set(row);
    });
    elements.forEach((line, i) => {
      const at = (i * out.row + shift) * bytes;
      loadLanes(fn, lanes, to, at, width);
      fn.set(sum);
      line.forEach((element, s) => multiplyAdd(fn, shape, sum, element, rows[s]!));
      storeLanes(fn, lanes, to, at, width, sum);
    });
  };
  const moves: Moves = [...from, to].map((pointer) => [pointer, bytes]);
  forBlocks(fn, n, together * count, moves, (columns) => {
    for (let shift = 0; shift < columns; shift += count)
      vector(Math.min(count, columns - shift), shift);
  });
  advance(fn, right, b.row * bytes);
}

/** A function (sums, out: addresses) -> nothing that adds the sums of all parts in order. */
export function thinAddFunction(module: WasmModule, product: Product, parts: Cut): FunctionBuilder {
  const name = `thin_add_${parts.count}_${JSON.stringify(product)}`;
  return sharedFunction(module, name, { params: ["i32", "i32"], results: [] }, (fn) => {
    const { dtype, m, n, out } = product;
    const lanes = lanesOf(dtype);
    const { bytes, count, shape } = lanes;
    const [sums, to, sum] = [fn.local("i32"), fn.local("i32"), fn.local("v128")];
    for (let i = 0; i < m; i++) {
      pointAt(fn, sums, fn.param(0));
      advance(fn, sums, i * n * bytes);
      pointAt(fn, to, fn.param(1));
      advance(fn, to, i * out.row * bytes);
      const moves: Moves = [sums, to].map((pointer) => [pointer, bytes]);
      forBlocks(fn, n, count, moves, (width) => {
        loadLanes(fn, lanes, sums, 0, width);
        fn.set(sum);
        for (let part = 1; part < parts.count; part++) {
          fn.get(sum);
          loadLanes(fn, lanes, sums, part * m * n * bytes, width);
          fn.op(`${shape}.add`);
          fn.set(sum);
        }
        storeLanes(fn, lanes, to, 0, width, sum);
      });
    }
  });
}
