// scatterAdd: adds rows of updates where indices point, in the order of the updates.
import type { Value } from "../../../ir/graph.ts";
import { sizeOf } from "../../../ir/shape.ts";
import type { FunctionBuilder, Local } from "../asm/index.ts";
import {
  type DirectEmitter,
  paramsOf,
  pointAtRow,
  type Scalar,
  scalarOf,
  splitAt,
} from "./direct.ts";
import { repeat } from "./flow.ts";
import { advance, clear, pointAt, pointerTo } from "./pointers.ts";

/** Indices beyond the axis are clamped to its ends, as gather does; the sums are of the dtype itself. */
export const emitScatterAdd: DirectEmitter = (context, fn, work) => {
  const [updates, indices] = work.inputs as [Value, Value];
  const { outer, size, inner } = splitAt(work.out.shape, paramsOf<"scatterAdd">(work).axis);
  const count = sizeOf(indices.shape);
  const scalar = scalarOf(work.out.dtype);
  const rowBytes = inner * scalar.bytes;
  if (outer * size * inner === 0) return;
  const out = pointerTo(context, fn, work.out);
  clear(fn, out, outer * size * rowBytes);

  const from = pointerTo(context, fn, updates);
  const first = pointerTo(context, fn, indices);
  const [index, row] = [fn.local("i32"), fn.local("i32")];
  repeat(fn, outer, () => {
    pointAt(fn, index, first);
    repeat(fn, count, () => {
      pointAtRow(fn, row, out, index, size, rowBytes);
      addRow(fn, row, from, inner, scalar);
      advance(fn, index, 4);
    });
    advance(fn, out, size * rowBytes);
  });
};

/** Adds `size` elements; both pointers end behind them. */
function addRow(
  fn: FunctionBuilder,
  to: Local,
  from: Local,
  size: number,
  { type, vector, bytes }: Scalar,
): void {
  const add = (load: string, store: string, op: string, width: number): void => {
    fn.get(to);
    fn.get(to);
    fn.load(load, 0, bytes);
    fn.get(from);
    fn.load(load, 0, bytes);
    fn.op(op);
    fn.store(store, 0, bytes);
    advance(fn, to, width);
    advance(fn, from, width);
  };
  const lanes = 16 / bytes;
  repeat(fn, Math.floor(size / lanes), () => add("v128.load", "v128.store", `${vector}.add`, 16));
  repeat(fn, size % lanes, () => add(`${type}.load`, `${type}.store`, `${type}.add`, bytes));
}
