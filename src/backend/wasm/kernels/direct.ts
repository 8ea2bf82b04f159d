// What the kernels of single primitives share: their work, axes taken apart, scalars by dtype, rows by index.
import { type DType, kernelBytes } from "../../../ir/dtype.ts";
import type { Node } from "../../../ir/graph.ts";
import type { Work } from "../../../ir/kernel.ts";
import type { PrimName } from "../../../ir/prim.ts";
import { type Shape, sizeOf } from "../../../ir/shape.ts";
import type { FunctionBuilder, Local } from "../asm/index.ts";
import type { KernelEmitter } from "../emit.ts";

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
