/** @file What a backend is: kernel memory, and kernels made callable. */
import { type DType, type TypedArray, kernelBytes } from "../ir/dtype.ts";
import type { ConvAlgorithm, ConvGeometry, ConvShape } from "../ir/conv.ts";
import type { Pointer } from "../ir/host.ts";
import type { Node } from "../ir/graph.ts";
import type { Segment } from "../ir/kernel.ts";

/** Linear memory that kernels work in. Addresses are bytes from its start; blocks are 64-byte aligned. */
export interface Memory {
  /** Zeroed. Throws RangeError with the size asked for when memory is exhausted. */
  allocate(bytes: number): Pointer;
  /** Gives a block back, by its address and the size it was allocated with. */
  free(pointer: Pointer, bytes: number): void;
  /** Makes bytes zero. */
  clear(pointer: Pointer, bytes: number): void;
  /** Copies bytes, also between regions that overlap. */
  copy(to: Pointer, from: Pointer, bytes: number): void;
  /** Bytes in use now. */
  readonly used: number;
  /** Whether views stay good when memory grows: they then may be kept, but see only what was there when they were made. */
  readonly stable: boolean;
  /** Whole-memory views, made anew after growth: do not keep them across an allocation. */
  readonly f32: Float32Array;
  readonly f64: Float64Array;
  readonly i32: Int32Array;
  readonly u8: Uint8Array;
}

/** The extents of a matrix product, and whether rows of its right operand lie contiguous in memory. */
export interface ProductExtents {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly alongRows: boolean;
}

/** What the compiler asks a backend about itself. Nothing here changes what a program computes but for rounding. */
export interface Target {
  /** How a convolution is computed; `asked` is what the user allows. */
  convolution(shape: ConvShape, asked: ConvGeometry["algorithm"]): ConvAlgorithm;
  /** Elements of a kernel laid out for that. */
  preparedSize(shape: ConvShape, algorithm: ConvAlgorithm): number;
  /** Whether such a convolution can write runs of this many neighbouring filters anywhere, rather than pixel by pixel. */
  keepsRuns(algorithm: ConvAlgorithm, run: number): boolean;
  /** Sides of matrix products up to this many elements are written out. */
  readonly smallSide: number;
  /** Whether a product with a side of at most `smallSide` is a loop, which can be fused, rather than a kernel of its own. */
  isProductOfLoops(extents: ProductExtents): boolean;
  /** Whether a transcendental function over this many elements is faster in a loop of its own than fused with others. */
  wantsOwnLoop(size: number): boolean;
}

/** Runs kernels. */
export interface Backend {
  readonly name: string;
  readonly memory: Memory;
  /** Facts about the backend on which the compiler bases its choices. */
  readonly target: Target;
  /**
   * Whether the backend has a kernel of its own for a composite, by name, attributes and types: the composite then reaches `compile`
   * as work of kind "direct" on contiguous operands, instead of giving way to its primitives. A backend without such kernels leaves this out.
   */
  readonly claims?: (composite: Node<"composite">) => boolean;
  /** Threads that kernels may run on, the caller's included. */
  readonly threads: number;
  /** Uses this number of threads from now on, or as many as are available if that is fewer. */
  setThreads(count: number): void;
  /**
   * Makes each segment callable. bool elements are int32 0 and 1 in memory. Memory from `allocate` (of `memory`
   * unless given) is used as long as the segments may be called.
   */
  compile(segments: readonly Segment[], allocate?: (bytes: number) => Pointer): (() => void)[];
}

/** Copies a tensor's elements into memory (bytes of bool widen to int32). */
export function writeElements(memory: Memory, pointer: Pointer, elements: TypedArray): void {
  if (elements instanceof Float32Array) memory.f32.set(elements, pointer >>> 2);
  else if (elements instanceof Float64Array) memory.f64.set(elements, pointer >>> 3);
  else memory.i32.set(elements, pointer >>> 2);
}

/**
 * Copies `size` elements out of memory, into a new array. Made from a view it is never zeroed first, which would be a third of
 * the time.
 */
export function readElements(
  memory: Memory,
  pointer: Pointer,
  dtype: DType,
  size: number,
): TypedArray {
  const start = (pointer >>> 0) / kernelBytes[dtype];
  switch (dtype) {
    case "float32":
      return new Float32Array(memory.f32.subarray(start, start + size));
    case "float64":
      return new Float64Array(memory.f64.subarray(start, start + size));
    case "int32":
      return new Int32Array(memory.i32.subarray(start, start + size));
    case "bool":
      return new Uint8Array(memory.i32.subarray(start, start + size));
  }
}
