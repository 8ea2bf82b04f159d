/** @file Kernels of single primitives on contiguous operands: argMax and argMin, cumSum, gather, scatterAdd. */
import { type DType, kernelBytes } from "../../../ir/dtype.ts";
import type { Node, Value } from "../../../ir/graph.ts";
import type { Work } from "../../../ir/kernel.ts";
import type { PrimName } from "../../../ir/prim.ts";
import { type Shape, sizeOf } from "../../../ir/shape.ts";
import type { FunctionBuilder, Local } from "../asm/index.ts";
import type { KernelEmitter } from "../emit.ts";
import { repeat, advance, clear, pointAt, pointerTo } from "./flow.ts";

/** Primitives computed by a kernel of their own, a function. */
export type DirectPrim = "gather" | "scatterAdd" | "argMax" | "argMin" | "cumSum" | "randomBits";
/** Those whose kernels come in phases that threads may share. */
export type PhasedPrim = "maxPool" | "maxPoolIndices" | "pickPlaces" | "addAtPlaces";
export type DirectWork = Extract<Work, { kind: "direct" }>;
/** Emits a primitive on contiguous operands. */
export type DirectEmitter = KernelEmitter<DirectWork>;

/** Parameters of a work's node, which the table of emitters guarantees to be of primitive P. */
export function paramsOf<P extends PrimName>(work: DirectWork): Node<P>["params"] {
  return (work.node as unknown as Node<P>).params;
}

/** A shape around one axis: [outer, size, inner]. */
export interface Split {
  readonly outer: number;
  readonly size: number;
  readonly inner: number;
}

export function splitAt(shape: Shape, axis: number): Split {
  return {
    outer: sizeOf(shape.slice(0, axis)),
    size: shape[axis]!,
    inner: sizeOf(shape.slice(axis + 1)),
  };
}

/** How one element is named in instructions; bool is an int32. */
export interface Scalar {
  readonly type: "f32" | "f64" | "i32";
  /** Shape of a vector of them. */
  readonly vector: "f32x4" | "f64x2" | "i32x4";
  readonly bytes: number;
}

export function scalarOf(dtype: DType): Scalar {
  const bytes = kernelBytes[dtype];
  if (dtype === "float32") return { type: "f32", vector: "f32x4", bytes };
  if (dtype === "float64") return { type: "f64", vector: "f64x2", bytes };
  return { type: "i32", vector: "i32x4", bytes };
}

/** row = base + rowBytes * (the index at `pointer`, clamped to [0, size)). */
export function pointAtRow(
  fn: FunctionBuilder,
  row: Local,
  base: Local,
  pointer: Local,
  size: number,
  rowBytes: number,
): void {
  const index = row;
  fn.get(pointer);
  fn.load("i32.load");
  fn.set(index);
  for (const [bound, beyond] of [
    [0, "i32.lt_s"],
    [size - 1, "i32.gt_s"],
  ] as const) {
    fn.i32(bound);
    fn.get(index);
    fn.get(index);
    fn.i32(bound);
    fn.op(beyond);
    fn.select();
    fn.set(index);
  }
  fn.get(index);
  fn.i32(rowBytes);
  fn.op("i32.mul");
  fn.get(base);
  fn.op("i32.add");
  fn.set(row);
}

// argMax and argMin: where along an axis the first extreme element lies.

/** The emitter for one of the two. NaN beats every number; the first of equals wins; an empty axis gives 0. */
export function argEmitter(which: "argMax" | "argMin"): DirectEmitter {
  return (context, fn, work) => {
    const [x] = work.inputs;
    const { outer, size, inner } = splitAt(
      work.node.inputs[0]!.shape,
      paramsOf<"argMax" | "argMin">(work).axis,
    );
    if (outer * inner === 0) return;
    const out = pointerTo(context, fn, work.out);
    if (size === 0) return clear(fn, out, 4 * outer * inner);

    const { type, bytes } = scalarOf(x!.dtype);
    const isFloat = type !== "i32";
    const direction = which === "argMax" ? "gt" : "lt";
    const beats = isFloat ? `${type}.${direction}` : `i32.${direction}_s`;
    const line = pointerTo(context, fn, x!);
    const [at, index, winner] = [fn.local("i32"), fn.local("i32"), fn.local("i32")];
    const [best, element] = [fn.local(type), fn.local(type)];

    const consider = (): void => {
      fn.get(at);
      fn.load(`${type}.load`);
      fn.tee(element);
      fn.get(best);
      fn.op(beats);
      if (isFloat) {
        // Or the element is NaN and the best one so far is not: a number equals itself, NaN does not.
        fn.get(element);
        fn.get(element);
        fn.op(`${type}.ne`);
        fn.get(best);
        fn.get(best);
        fn.op(`${type}.eq`);
        fn.op("i32.and");
        fn.op("i32.or");
      }
      fn.if(() => {
        fn.get(element);
        fn.set(best);
        fn.get(index);
        fn.set(winner);
      });
    };
    repeat(fn, outer, () => {
      repeat(fn, inner, () => {
        pointAt(fn, at, line);
        pointAt(fn, index, 0);
        pointAt(fn, winner, 0);
        fn.get(at);
        fn.load(`${type}.load`);
        fn.set(best);
        repeat(fn, size - 1, () => {
          advance(fn, at, inner * bytes);
          advance(fn, index, 1);
          consider();
        });
        fn.get(out);
        fn.get(winner);
        fn.store("i32.store");
        advance(fn, out, 4);
        advance(fn, line, bytes);
      });
      advance(fn, line, (size - 1) * inner * bytes);
    });
  };
}

// cumSum: running sums along an axis, from either end.

/** float32 is summed in float64 and rounded where it is stored, so that long sums do not drift; int32 wraps. */
export const emitCumSum: DirectEmitter = (context, fn, work) => {
  const [x] = work.inputs;
  const { axis, reverse } = paramsOf<"cumSum">(work);
  const { outer, size, inner } = splitAt(work.node.inputs[0]!.shape, axis);
  if (outer * size * inner === 0) return;
  const { type, bytes } = scalarOf(x!.dtype);
  const single = type === "f32";
  const sumType = single ? "f64" : type;
  const sum = fn.local(sumType);
  const step = (reverse ? -inner : inner) * bytes;
  const start = reverse ? (size - 1) * inner * bytes : 0;
  const from = pointerTo(context, fn, x!, start);
  const to = pointerTo(context, fn, work.out, start);

  repeat(fn, outer, () => {
    repeat(fn, inner, () => {
      if (sumType === "i32") fn.i32(0);
      else fn.f64(0);
      fn.set(sum);
      repeat(fn, size, () => {
        fn.get(to);
        fn.get(from);
        fn.load(`${type}.load`);
        if (single) fn.op("f64.promote_f32");
        fn.get(sum);
        fn.op(`${sumType}.add`);
        fn.tee(sum);
        if (single) fn.op("f32.demote_f64");
        fn.store(`${type}.store`);
        for (const pointer of [from, to]) advance(fn, pointer, step);
      });
      for (const pointer of [from, to]) advance(fn, pointer, bytes - size * step);
    });
    for (const pointer of [from, to]) advance(fn, pointer, (size - 1) * inner * bytes);
  });
};

// gather: copies the rows that indices name.

/** Rows up to this many bytes are copied by instructions, longer ones by memory.copy, whose call costs about as much. */
const copiedInline = 256;

/** Indices beyond the axis are clamped to its ends; rows of an empty axis are zero. */
export const emitGather: DirectEmitter = (context, fn, work) => {
  const [x, indices] = work.inputs as [Value, Value];
  // The shape the node sees: memory may hold the same elements under another.
  const { outer, size, inner } = splitAt(work.node.inputs[0]!.shape, paramsOf<"gather">(work).axis);
  const count = sizeOf(indices.shape);
  const rowBytes = inner * kernelBytes[x.dtype];
  if (outer * count * inner === 0) return;
  const to = pointerTo(context, fn, work.out);
  if (size === 0) return clear(fn, to, outer * count * rowBytes);

  const source = pointerTo(context, fn, x);
  const first = pointerTo(context, fn, indices);
  const [index, row] = [fn.local("i32"), fn.local("i32")];
  repeat(fn, outer, () => {
    pointAt(fn, index, first);
    repeat(fn, count, () => {
      pointAtRow(fn, row, source, index, size, rowBytes);
      copy(fn, to, row, rowBytes);
      advance(fn, index, 4);
      advance(fn, to, rowBytes);
    });
    advance(fn, source, size * rowBytes);
  });
};

function copy(fn: FunctionBuilder, to: Local, from: Local, bytes: number): void {
  if (bytes > copiedInline) {
    fn.get(to);
    fn.get(from);
    fn.i32(bytes);
    fn.op("memory.copy");
    return;
  }
  let done = 0;
  for (const [type, width] of [
    ["v128", 16],
    ["i64", 8],
    ["i32", 4],
  ] as const) {
    for (; bytes - done >= width; done += width) {
      fn.get(to);
      fn.get(from);
      fn.load(`${type}.load`, done, 4);
      fn.store(`${type}.store`, done, 4);
    }
  }
}

// scatterAdd: adds rows of updates where indices point, in the order of the updates.

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
