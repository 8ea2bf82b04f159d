// Matrix products over any strides: brings them to a normal form, then runs one product function a batch element.
import type { MatmulWork, MatrixView } from "../../../ir/kernel.ts";
import type { FunctionBuilder, Local } from "../asm/index.ts";
import type { KernelEmitter } from "../emit.ts";
import { repeat } from "./flow.ts";
import { lanesOf } from "./lanes.ts";
import { planOf, type Product, scratchBytes } from "./plan.ts";
import { advance, clear, pointAt, pointerTo } from "./pointers.ts";
import { productFunction } from "./product.ts";

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
  const plan = planOf(product);
  const { a, b } = scratchBytes(product, plan);
  const scratch = a + b > 0 ? context.scratch(a + b) : 0;
  const multiply = productFunction(context.module, product, plan, scratch);

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

/**
 * Batch axes over which b stays the same become rows of one product where a's strides allow; a product with a vector is
 * computed as the transposed one, which has as many columns as it had rows; strides that are never taken are zero.
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
  const extents = axes.map(({ extent }) => extent);
  const leftView = { ...a, batch: axes.map((axis) => axis.a) };
  const rightView = { ...b, batch: axes.map((axis) => axis.b) };
  if (n === 1 && rows > 1) {
    const product = {
      dtype,
      m: 1,
      k,
      n: rows,
      a: { row: 0, column: right.row },
      b: { row: left.column, column: left.row },
      partials,
    };
    return { batch: extents, product, left: rightView, right: leftView };
  }
  return {
    batch: extents,
    product: { dtype, m: rows, k, n, a: left, b: right, partials },
    left: leftView,
    right: rightView,
  };
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
