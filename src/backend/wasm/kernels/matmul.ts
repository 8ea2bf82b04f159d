// Matrix products over any strides: brings them to a normal form, then runs one product function a batch element.
import type { MatmulWork, MatrixView } from "../../../ir/kernel.ts";
import type { FunctionBuilder, Local } from "../asm/index.ts";
import type { EmitContext, KernelEmitter } from "../emit.ts";
import { repeat } from "./flow.ts";
import { lanesOf } from "./lanes.ts";
import { isNarrow, narrowFunction, narrowScratch } from "./narrow.ts";
import { planOf, type Product, scratchBytes } from "./plan.ts";
import { advance, clear, pointAt, pointerTo } from "./pointers.ts";
import { productFunction } from "./product.ts";
import type { Steps } from "./tile.ts";

/** A product for every index of `batch`; operands may have changed places, their batch strides are in elements. */
interface Normal {
  readonly batch: readonly number[];
  readonly product: Product;
  readonly left: MatrixView;
  readonly right: MatrixView;
}

/**
 * Emits a matrix product. An element is summed in order of k; if the result has at most one vector of columns and k is at
 * least 8, in four such sums over k modulo 4 which are then added in pairs. So its bits depend on its row of a, its
 * column of b and the result's width, but not on how many rows there are, nor on strides.
 */
export const emitMatmul: KernelEmitter<MatmulWork> = (context, fn, work) => {
  const { batch, m, k, n, dtype } = work;
  const { bytes } = lanesOf(dtype);
  const size = batch.reduce((product, extent) => product * extent, m * n);
  if (size === 0) return;
  if (k === 0) return clear(fn, pointerTo(context, fn, work.out), size * bytes);

  const normal = normalise(work);
  const { product } = normal;
  const multiply = functionOf(context, product);

  const left = pointerTo(context, fn, normal.left.value, normal.left.offset * bytes);
  const right = pointerTo(context, fn, normal.right.value, normal.right.offset * bytes);
  const out = pointerTo(context, fn, work.out);
  overBatch(fn, normal, bytes, left, right, (left, right) => {
    fn.get(left);
    fn.get(right);
    fn.get(out);
    fn.call(multiply);
    advance(fn, out, product.m * product.n * bytes);
  });
};

function functionOf({ module, scratch }: EmitContext, product: Product): FunctionBuilder {
  const reserve = (bytes: number): number => (bytes > 0 ? scratch(bytes) : 0);
  if (isNarrow(product)) return narrowFunction(module, product, reserve(narrowScratch(product)));
  const plan = planOf(product);
  const { a, b } = scratchBytes(product, plan);
  return productFunction(module, product, plan, reserve(a + b));
}

/**
 * Batch axes over which b stays the same become rows of one product where a's strides allow; strides that are never
 * taken are zero, or one between columns; the product may be transposed.
 */
function normalise({ batch, dtype, m, k, n, a, b }: MatmulWork): Normal {
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
  const partials = n <= lanesOf(dtype).count && k >= 8 ? 4 : 1;
  const left = { row: rows === 1 ? 0 : rowStep, column: k === 1 ? 0 : a.column };
  const right = { row: k === 1 ? 0 : b.row, column: n === 1 ? 1 : b.column };
  const product = { dtype, m: rows, k, n, a: left, b: right, out: { row: n, column: 1 }, partials };
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
  const { m, n, a, partials } = product;
  if (isNarrow(product) || m === 1) return false;
  return n === 1 || (partials > 1 && a.row === 1);
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
