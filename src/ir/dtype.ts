/** @file Element types, and the typed arrays that hold them. */

/** Element type of a tensor. `bool` is stored as bytes 0 and 1 in JavaScript and as int32 in kernels. */
export type DType = "float32" | "float64" | "int32" | "bool";

/** The typed array that holds each dtype on the JavaScript side. */
export interface DTypeArrays {
  float32: Float32Array;
  float64: Float64Array;
  int32: Int32Array;
  bool: Uint8Array;
}

/** Any array that a tensor's elements can live in. */
export type TypedArray = DTypeArrays[DType];

/** Bytes an element takes in kernel memory (bool as int32: a SIMD mask has the width of a lane). */
export const kernelBytes: Record<DType, number> = { float32: 4, float64: 8, int32: 4, bool: 4 };

export const dtypes: readonly DType[] = ["float32", "float64", "int32", "bool"];

/** A new zeroed array of `size` elements. */
export function allocate(dtype: DType, size: number): TypedArray {
  switch (dtype) {
    case "float32":
      return new Float32Array(size);
    case "float64":
      return new Float64Array(size);
    case "int32":
      return new Int32Array(size);
    case "bool":
      return new Uint8Array(size);
  }
}

/** The dtype of a typed array that a tensor can adopt without conversion, or undefined. */
export function dtypeOfArray(array: unknown): DType | undefined {
  if (array instanceof Float32Array) return "float32";
  if (array instanceof Float64Array) return "float64";
  if (array instanceof Int32Array) return "int32";
  if (array instanceof Uint8Array) return "bool";
  return undefined;
}

export function isFloat(dtype: DType): dtype is "float32" | "float64" {
  return dtype === "float32" || dtype === "float64";
}
