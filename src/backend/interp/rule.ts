/** @file What an interpreter rule is: operands with their elements in, elements out. */
import type { DType } from "../../ir/dtype.ts";
import type { TensorType } from "../../ir/graph.ts";
import type { ParamsOf, PrimName } from "../../ir/prim.ts";

/** Elements in row-major order; bool as int32 0 and 1. Assigning to a Float32Array rounds as Math.fround does. */
export type Elements = Float32Array | Float64Array | Int32Array;

/** A tensor's type and elements. */
export interface Operand extends TensorType {
  readonly elements: Elements;
}

/** Primitives that kernels may contain: `call` is inlined and `host` runs between kernels. */
export type KernelPrim = Exclude<PrimName, "host" | "call" | "composite">;

/** Elements of a primitive's result, of the type given. */
export type Rule<P extends PrimName> = (
  params: ParamsOf<P>,
  inputs: readonly Operand[],
  output: TensorType,
) => Elements;

/** A rule for each of the primitives named. */
export type Rules<P extends KernelPrim> = { readonly [Name in P]: Rule<Name> };

/** Zeroed elements of a dtype. */
export function makeElements(dtype: DType, size: number): Elements {
  if (dtype === "float32") return new Float32Array(size);
  return dtype === "float64" ? new Float64Array(size) : new Int32Array(size);
}
