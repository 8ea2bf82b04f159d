/**
 * @file Matrix products over any strides are brought to a normal form, shared out in chunks, and computed by one product
 * function per batch element.
 */
import type { Value } from "../../../../ir/graph.ts";
import type { MatmulWork, MatrixView } from "../../../../ir/kernel.ts";
import type { FunctionBuilder, Local } from "../../asm/index.ts";
import type { Phase, PhaseContext, PhasedEmitter } from "../../emit.ts";
import {
  addScaled,
  type Cut,
  copyOf,
  eachSize,
  forRange,
  scaled,
  sizesOf,
  smaller,
  repeat,
  advance,
  clear,
  pointAt,
  pointerTo,
  cut,
} from "../flow.ts";
import { lanesOf, packFunction, type Steps } from "../lanes.ts";
import { type Product, productFunction, productScratch, planOf } from "./product.ts";
import {
  isThin,
  placeSums,
  thinAddFunction,
  thinFunction,
  thinScratch,
  thinParts,
} from "./thin.ts";

/** A product for every index of `batch`; operands may have changed places, their batch strides are in elements. */
interface Normal {
  readonly batch: readonly number[];
  readonly product: Product;
  readonly left: MatrixView;
  readonly right: MatrixView;
}

/**
 * Emits a matrix product. Every element is summed in order of k, so its bits depend on its row of a and its column of b, but
 * not on how many rows there are, nor on strides, nor on which thread computes it. Products with n or k of one to four never
 * come here: `wasmTarget.isProductOfLoops` makes them loops.
 * Only a few rows times a matrix too large for a cache are summed in another order, which follows from the product's extents.
 */
export const emitMatmul: PhasedEmitter<MatmulWork> = (context, work) => {
  const { batch, m, k, n, dtype } = work;
  const { bytes } = lanesOf(dtype);
  const size = batch.reduce((product, extent) => product * extent, m * n);
  if (size === 0) return;
  if (k === 0)
    return context.phase(1, ({ fn }) => clear(fn, pointerTo(context, fn, work.out), size * bytes));
  const normal = normalise(work);
  const sharing = sharingOf(normal.batch, normal.product);
  if (sharing.along === "panels") return emitPacked(context, work.out, normal, sharing);
  if (sharing.along === "depth") return emitThin(context, work.out, normal, sharing.chunks);
  context.phase(sharing.chunks.count, (phase) =>
    emitChunk(context, phase, work.out, normal, sharing),
  );
};

/** Part of the batch, or of the result's rows or columns. */
function emitChunk(
  context: PhaseContext,
  { fn, chunk, thread }: Phase,
  result: Value,
  normal: Normal,
  { along, chunks }: Extract<Sharing, { along: "batch" | "rows" | "columns" }>,
): void {
  const { product, batch } = normal;
  const { bytes } = lanesOf(product.dtype);
  const left = pointerTo(context, fn, normal.left.value, normal.left.offset * bytes);
  const right = pointerTo(context, fn, normal.right.value, normal.right.offset * bytes);
  const out = pointerTo(context, fn, result);
  const inner = batch.slice(1).reduce((size, extent) => size * extent, product.m * product.n);
  const steps = {
    batch: [normal.left.batch[0] ?? 0, normal.right.batch[0] ?? 0, inner],
    rows: [product.a.row, 0, product.out.row],
    columns: [0, product.b.column, product.out.column],
  }[along];
  [left, right, out].forEach((pointer, index) =>
    addScaled(fn, pointer, chunk, chunks.size * steps[index]! * bytes),
  );
  const total = { batch: batch[0] ?? 1, rows: product.m, columns: product.n }[along];
  const partOf = (size: number): Product =>
    along === "rows"
      ? { ...product, m: size }
      : along === "columns"
        ? { ...product, n: size }
        : product;
  const scratch = scratchFor(context, fn, thread, sizesOf(chunks, total).map(partOf));
  eachSize(fn, chunk, chunks, total, (size) => {
    const extents = along === "batch" ? [size, ...batch.slice(1)] : batch;
    const { multiply } = functionOf(context, partOf(size));
    overBatch(fn, { ...normal, batch: extents }, bytes, left, right, (a, b) => {
      for (const pointer of [a, b, out, scratch]) fn.get(pointer);
      fn.call(multiply);
      advance(fn, out, product.m * product.n * bytes);
    });
  });
}

/** The sums of parts of k, then their sums. */
function emitThin(
  context: PhaseContext,
  result: Value,
  { product, left, right }: Normal,
  parts: Cut,
): void {
  const { module } = context;
  const { dtype, m, k, n, a, b } = product;
  const { bytes } = lanesOf(dtype);
  const scratch = context.scratch(thinScratch(product, parts));
  const matrixOf = (fn: FunctionBuilder): Local =>
    pointerTo(context, fn, right.value, right.offset * bytes);
  context.phase(parts.count, ({ fn, chunk }) => {
    const rows = pointerTo(context, fn, left.value, left.offset * bytes);
    const matrix = matrixOf(fn);
    const sums = placeSums(fn, scratch, matrix);
    addScaled(fn, rows, chunk, parts.size * a.column * bytes);
    addScaled(fn, matrix, chunk, parts.size * b.row * bytes);
    addScaled(fn, sums, chunk, m * n * bytes);
    eachSize(fn, chunk, parts, k, (depth) => {
      for (const pointer of [rows, matrix, sums, sums]) fn.get(pointer);
      fn.call(thinFunction(module, { ...product, k: depth, out: { row: n, column: 1 } }));
    });
  });
  context.phase(1, ({ fn }) => {
    fn.get(placeSums(fn, scratch, matrixOf(fn)));
    fn.get(pointerTo(context, fn, result));
    fn.call(thinAddFunction(module, product, parts));
  });
}

/** All of b in panels first, then rows. */
function emitPacked(
  context: PhaseContext,
  result: Value,
  { product, left, right }: Normal,
  { panels, chunks }: Extract<Sharing, { along: "panels" }>,
): void {
  const { dtype, m, k, n, a, b, out } = product;
  const { bytes, count } = lanesOf(dtype);
  const panel = 2 * count;
  const inPanels = Math.ceil(n / panel);
  const packed = context.scratch(inPanels * panel * k * bytes);
  context.phase(panels.count, ({ fn, chunk }) => {
    const at = scaled(fn, chunk, panels.size);
    const limit = copyOf(fn, at);
    advance(fn, limit, panels.size);
    const end = smaller(fn, limit, inPanels);
    const from = pointerTo(context, fn, right.value, right.offset * bytes);
    addScaled(fn, from, at, panel * b.column * bytes);
    const to = copyOf(fn, packed);
    addScaled(fn, to, at, panel * k * bytes);
    forRange(fn, at, end, 1, () => {
      eachSize(fn, at, { size: panel, count: inPanels }, n, (width) => {
        fn.get(from);
        fn.get(to);
        fn.call(packFunction(context.module, { dtype, k, width, panel, from: b }));
      });
      advance(fn, from, panel * b.column * bytes);
      advance(fn, to, panel * k * bytes);
    });
  });
  context.phase(chunks.count, ({ fn, chunk, thread }) => {
    const rows = pointerTo(context, fn, left.value, left.offset * bytes);
    addScaled(fn, rows, chunk, chunks.size * a.row * bytes);
    const target = pointerTo(context, fn, result);
    addScaled(fn, target, chunk, chunks.size * out.row * bytes);
    const partOf = (size: number): Product => ({
      ...product,
      m: size,
      b: { row: panel, column: k },
      panels: true,
    });
    const scratch = scratchFor(context, fn, thread, sizesOf(chunks, m).map(partOf));
    eachSize(fn, chunk, chunks, m, (size) => {
      const { multiply } = functionOf(context, partOf(size));
      fn.get(rows);
      fn.i32(packed);
      fn.get(target);
      fn.get(scratch);
      fn.call(multiply);
    });
  });
}

/** The thread's own scratch memory, the same for all parts: regions for one part would reach into another thread's for others. */
function scratchFor(
  context: PhaseContext,
  fn: FunctionBuilder,
  thread: Local,
  parts: readonly Product[],
): Local {
  const needed = parts.map((part) => functionOf(context, part).scratchBytes);
  const { address, step } = context.privateScratch(Math.max(...needed));
  return scaled(fn, thread, step, address);
}

function functionOf(
  { module }: PhaseContext,
  product: Product,
): { multiply: FunctionBuilder; scratchBytes: number } {
  if (isThin(product)) return { multiply: thinFunction(module, product), scratchBytes: 0 };
  return { multiply: productFunction(module, product), scratchBytes: productScratch(product) };
}

/**
 * Batch axes over which b stays the same become rows of one product where a's strides allow; strides that are never
 * taken are zero, or one between columns; the product may be transposed.
 */
function normalise({ batch, dtype, m, k, n, a, b, invariant: inOrder }: MatmulWork): Normal {
  let rows = m;
  let rowStep = a.row;
  const axes = batch
    .map((extent, axis) => ({ extent, a: a.batch[axis]!, b: b.batch[axis]! }))
    .filter(({ extent }) => extent > 1);
  for (
    let last = axes.at(-1);
    last?.b === 0 && (rows === 1 || last.a === rows * rowStep);
    last = axes.at(-1)
  ) {
    if (rows === 1) rowStep = last.a;
    rows *= last.extent;
    axes.pop();
  }
  const left = { row: rows === 1 ? 0 : rowStep, column: k === 1 ? 0 : a.column };
  const right = { row: k === 1 ? 0 : b.row, column: n === 1 ? 1 : b.column };
  const product = {
    dtype,
    m: rows,
    k,
    n,
    a: left,
    b: right,
    out: { row: n, column: 1 },
    inOrder,
  };
  const views = [
    { ...a, batch: axes.map((axis) => axis.a) },
    { ...b, batch: axes.map((axis) => axis.b) },
  ] as const;
  const extents = axes.map(({ extent }) => extent);
  if (isBetterTransposed(product)) {
    return { batch: extents, product: transposed(product), left: views[1], right: views[0] };
  }
  return { batch: extents, product, left: views[0], right: views[1] };
}

/** Products with few columns make better use of vectors the other way round, if the vectors can be loaded. */
function isBetterTransposed(product: Product): boolean {
  return product.n === 1 && product.m > 1;
}

/** The product of the transposed operands, whose result is laid out in memory as that of `product`. */
function transposed({ m, n, a, b, out, ...rest }: Product): Product {
  const turn = ({ row, column }: Steps): Steps => ({ row: column, column: row });
  return { m: n, n: m, a: turn(b), b: turn(a), out: turn(out), ...rest };
}

/** Runs `body` with pointers to the operands at every index of the batch, in order. */
function overBatch(
  fn: FunctionBuilder,
  { batch, left, right }: Normal,
  bytes: number,
  leftBase: Local,
  rightBase: Local,
  body: (left: Local, right: Local) => void,
): void {
  const walk = (axis: number, leftAt: Local, rightAt: Local): void => {
    if (axis === batch.length) return body(leftAt, rightAt);
    const [innerLeft, innerRight] = [fn.local("i32"), fn.local("i32")];
    pointAt(fn, innerLeft, leftAt);
    pointAt(fn, innerRight, rightAt);
    repeat(fn, batch[axis]!, () => {
      walk(axis + 1, innerLeft, innerRight);
      advance(fn, innerLeft, left.batch[axis]! * bytes);
      advance(fn, innerRight, right.batch[axis]! * bytes);
    });
  };
  walk(0, leftBase, rightBase);
}

// How the work of a matrix product is cut into chunks, which threads may share.

/**
 * Chunks run along the first axis of the batch, along rows, or along columns of the result; `panels`: b is laid out in panels
 * by a first phase, chunk by chunk, and then shared by chunks of rows; `depth`: chunks of k, whose sums a second phase adds.
 */
export type Sharing =
  | { readonly along: "batch" | "rows" | "columns"; readonly chunks: Cut }
  | { readonly along: "panels"; readonly panels: Cut; readonly chunks: Cut }
  | { readonly along: "depth"; readonly chunks: Cut };

/** Multiplications that are worth a chunk: some five microseconds. Claiming one takes a tenth of one. */
const chunkWork = 130_000;
const mostChunks = 16;
/** Larger operands are packed block by block, in every chunk. */
const mostPacked = 64 * 1024 * 1024;

/** The sharing of a product over a batch with these extents. Nothing in it changes the order in which an element is summed. */
export function sharingOf(batch: readonly number[], product: Product): Sharing {
  const { dtype, m, k, n, b } = product;
  const { count, bytes } = lanesOf(dtype);
  const work = m * k * n;
  const along = (
    direction: "batch" | "rows" | "columns",
    total: number,
    unitWork: number,
    unit = 1,
  ): Sharing => ({
    along: direction,
    chunks: cut(total, Math.ceil(chunkWork / unitWork), mostChunks, unit),
  });
  if (batch.length > 0) {
    const inner = batch.slice(1).reduce((size, extent) => size * extent, 1);
    return along("batch", batch[0]!, work * inner);
  }
  const rows = along("rows", m, k * n, 4);
  if (isThin(product)) {
    const parts = thinParts(product);
    return parts.count > 1 ? { along: "depth", chunks: parts } : rows;
  }
  const columns = along("columns", n, k * m, 8 * count);
  if (columns.chunks.count > rows.chunks.count) return columns;
  const packs = planOf(product).packB && rows.chunks.count > 1;
  if (!packs || k * n * bytes > mostPacked || b.row < 0 || b.column < 0) return rows;
  const panels = Math.ceil(n / (2 * count));
  return {
    along: "panels",
    panels: cut(panels, Math.ceil(20_000 / (k * 2 * count)), mostChunks),
    chunks: rows.along === "rows" ? rows.chunks : cut(m, m, 1),
  };
}
