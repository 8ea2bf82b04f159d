/** @file Products with at most one vector of columns whose left operand lies along k, as dot products. */
import type { FunctionBuilder, WasmModule, Label, Local } from "../../asm/index.ts";
import { forBlocks, type Moves, repeat, sharedFunction, advance, pointAt } from "../flow.ts";
import { type Lanes, lanesOf, loadLanes, storeLanes, merge } from "../lanes.ts";
import type { Product } from "./product.ts";

/** Whether a product is one for this file: narrow, its left operand along k, its right one too or worth turning. */
export function isNarrow({ m, a, b, out, partials }: Product): boolean {
  return partials > 1 && a.column === 1 && out.column === 1 && (b.row === 1 || m >= 4);
}

/** Bytes of scratch memory for columns of b laid along k. */
export function narrowScratch({ dtype, k, n, b }: Product): number {
  return b.row === 1 ? 0 : k * n * lanesOf(dtype).bytes;
}

/** A function (a, b, out, scratch: addresses) -> nothing that computes the product. */
export function narrowFunction(module: WasmModule, product: Product): FunctionBuilder {
  const name = `narrow_${JSON.stringify(product)}`;
  const params = ["i32", "i32", "i32", "i32"] as const;
  return sharedFunction(module, name, { params: [...params], results: [] }, (fn) =>
    emitNarrow(module, fn, product),
  );
}

function emitNarrow(module: WasmModule, fn: FunctionBuilder, product: Product): void {
  const { dtype, m, k, n, a, b } = product;
  const lanes = lanesOf(dtype);
  const [left, right, out, scratch] = [fn.param(0), fn.param(1), fn.param(2), fn.param(3)];
  const turns = b.row !== 1;
  if (turns) {
    fn.get(right);
    fn.get(scratch);
    fn.call(turnFunction(module, lanes, product));
    pointAt(fn, right, scratch);
  }
  const bColumn = turns ? k : b.column;
  const moves: Moves = [
    [left, a.row * lanes.bytes],
    [out, n * lanes.bytes],
  ];
  forBlocks(fn, m, dotRows(dtype, n), moves, (rows) => {
    for (const pointer of [left, right, out]) fn.get(pointer);
    fn.call(dotTileFunction(module, { dtype, rows, columns: n, k, aRow: a.row, bColumn }));
  });
}

const turnUnroll = 4;

/** A function (b, to: addresses) -> nothing that lays its columns along k, one after another. */
function turnFunction(module: WasmModule, lanes: Lanes, { k, n, b }: Product): FunctionBuilder {
  const { bytes } = lanes;
  const name = `turn_${bytes}_${k}x${n}_${b.row}_${b.column}`;
  const type = bytes === 4 ? "i32" : "i64";
  return sharedFunction(module, name, { params: ["i32", "i32"], results: [] }, (fn) => {
    const [from, to] = [fn.param(0), fn.param(1)];
    const lowest = Math.min(0, (n - 1) * b.column) * bytes;
    advance(fn, from, lowest);
    const lines = (count: number): void => {
      for (let u = 0; u < count; u++) {
        for (let j = 0; j < n; j++) {
          fn.get(to);
          fn.get(from);
          fn.load(`${type}.load`, j * b.column * bytes - lowest);
          fn.store(`${type}.store`, (u + j * k) * bytes);
        }
        advance(fn, from, b.row * bytes);
      }
      advance(fn, to, count * bytes);
    };
    repeat(fn, Math.floor(k / turnUnroll), () => lines(turnUnroll));
    lines(k % turnUnroll);
  });
}

// A tile of a narrow product whose operands both lie along k: dot products, vectors running along k.

/** out[i, j] = sum over k of a[i, k] * b[k, j]; out is contiguous. Steps in elements, none along k is other than 1. */
export interface DotTileSpec {
  readonly dtype: "float32" | "float64";
  readonly rows: number;
  readonly columns: number;
  readonly k: number;
  readonly aRow: number;
  readonly bColumn: number;
}

/** Partial sums of an element, over k modulo 4: as many as a tile of columns keeps for narrow products. */
const partials = 4;
/** Groups of `partials` a loop iteration. */
const unroll = 2;

/** Rows of a tile over all of `columns` columns, so that its sums fill at most eight registers. */
export function dotRows(dtype: "float32" | "float64", columns: number): number {
  const vectors = partials / lanesOf(dtype).count;
  return Math.floor(8 / (vectors * columns));
}

/** A function (a, b, out: addresses of the tile's first elements) -> nothing. */
export function dotTileFunction(module: WasmModule, spec: DotTileSpec): FunctionBuilder {
  const { dtype, rows, columns, k, aRow, bColumn } = spec;
  const name = `dot_${dtype}_${rows}x${columns}x${k}_${aRow}_${bColumn}`;
  return sharedFunction(module, name, { params: ["i32", "i32", "i32"], results: [] }, (fn) =>
    emitDotTile(fn, spec),
  );
}

function emitDotTile(fn: FunctionBuilder, spec: DotTileSpec): void {
  const { rows, columns, k, aRow, bColumn } = spec;
  const lanes = lanesOf(spec.dtype);
  const { bytes, count, shape } = lanes;
  const [a, b, out] = [fn.param(0), fn.param(1), fn.param(2)];
  const origins = [(rows - 1) * aRow, (columns - 1) * bColumn].map(
    (last) => -Math.min(0, last) * bytes,
  );
  const [originA, originB] = origins as [number, number];
  advance(fn, a, -originA);
  advance(fn, b, -originB);
  /** Sums of the elements in order; each is one vector, or two where a vector has two lanes. */
  const sums = Array.from({ length: partials / count }, () =>
    Array.from({ length: rows * columns }, () => fn.local("v128")),
  );

  const load = (pointer: Local, offset: number, width: number): Local => {
    const vector = fn.local("v128");
    loadLanes(fn, lanes, pointer, offset, width);
    fn.set(vector);
    return vector;
  };
  let barriers = 0;
  const step = (u: number, width: number, exit: Label): void => {
    // A way out that is never taken: see TileEmitter.
    if (u > 0) {
      fn.get(out);
      fn.i32(++barriers);
      fn.op("i32.eq");
      fn.brIf(exit);
    }
    const at = u * count * bytes;
    const left = Array.from({ length: rows }, (_, i) =>
      load(a, at + originA + i * aRow * bytes, width),
    );
    const right = Array.from({ length: columns }, (_, j) =>
      load(b, at + originB + j * bColumn * bytes, width),
    );
    sums[u % sums.length]!.forEach((sum, element) => {
      fn.get(sum);
      fn.get(left[Math.floor(element / columns)]!);
      fn.get(right[element % columns]!);
      fn.op(`${shape}.mul`);
      fn.op(`${shape}.add`);
      fn.set(sum);
    });
  };
  const steps = (size: number, exit: Label): void => {
    for (let done = 0, u = 0; done < size; done += count, u++)
      step(u, Math.min(count, size - done), exit);
    for (const pointer of [a, b]) advance(fn, pointer, size * bytes);
  };
  fn.block((exit) => {
    const size = partials * unroll;
    repeat(fn, Math.floor(k / size), () => steps(size, exit));
    if (k % size > 0) steps(k % size, exit);
  });

  const first = sums[0]!;
  if (sums.length > 1) first.forEach((sum, element) => addTo(fn, shape, sum, sums[1]![element]!));
  for (let from = 0; from < first.length; from += count) {
    const group = first.slice(from, from + count);
    storeLanes(fn, lanes, out, from * bytes, group.length, addAcross(fn, lanes, group));
  }
}

function addTo(fn: FunctionBuilder, shape: string, sum: Local, other: Local): void {
  fn.get(sum);
  fn.get(other);
  fn.op(`${shape}.add`);
  fn.set(sum);
}

/** A vector whose lane i is the sum of the lanes of `vectors[i]`: partial sums 0 and 2, and 1 and 3, then both. */
function addAcross(fn: FunctionBuilder, lanes: Lanes, vectors: readonly Local[]): Local {
  const sum = (x: Local, y: Local, bytes: number, words: number[], others: number[]): Local => {
    const result = merge(fn, x, y, bytes, ...words);
    addTo(fn, lanes.shape, result, merge(fn, x, y, bytes, ...others));
    return result;
  };
  const [a, b, c, d] = [0, 1, 2, 3].map((i) => vectors[i] ?? vectors[0]!) as [
    Local,
    Local,
    Local,
    Local,
  ];
  if (lanes.count === 2) return sum(a, b, 8, [0, 2], [1, 3]);
  const ab = sum(a, b, 8, [0, 2], [1, 3]);
  const cd = vectors.length > 2 ? sum(c, d, 8, [0, 2], [1, 3]) : ab;
  return sum(ab, cd, 4, [0, 2, 4, 6], [1, 3, 5, 7]);
}
