/**
 * @file Kernels: what the compiler hands to a backend. A kernel computes a few nodes at once; `nodes` says which
 * (enough for a plain backend), `work` says how (for a fast one). Values between kernels lie in memory, contiguous and row-major.
 */
import type { ConvAlgorithm, ConvShape } from "./conv.ts";
import type { DType } from "./dtype.ts";
import type { Node, Value } from "./graph.ts";
import type { Pointer } from "./host.ts";
import type { BinaryPrim, ComparePrim, LogicalPrim, UnaryPrim } from "./prim.ts";

/** How a loop walks through a value in memory: element index = offset + sum over loop axes of index * stride. */
export interface View {
  readonly offset: number;
  readonly strides: readonly number[];
  /** Elements further along for every chunk of a loop that is cut into chunks: a backend's own affair. */
  readonly perChunk?: number;
}

/** One scalar operation of a loop's body; operands are earlier instructions by index. */
export type Instruction =
  | { readonly kind: "load"; readonly value: Value; readonly view: View; readonly dtype: DType }
  | { readonly kind: "literal"; readonly literal: number; readonly dtype: DType }
  /** offset + sum over loop axes of index * stride, as a number: iota. */
  | { readonly kind: "index"; readonly view: View; readonly dtype: DType }
  | {
      readonly kind: "unary";
      readonly op: UnaryPrim | "not";
      readonly x: number;
      readonly dtype: DType;
    }
  | {
      readonly kind: "binary";
      readonly op: BinaryPrim | Exclude<LogicalPrim, "not">;
      readonly x: number;
      readonly y: number;
      readonly dtype: DType;
    }
  | {
      readonly kind: "compare";
      readonly op: ComparePrim;
      readonly x: number;
      readonly y: number;
      readonly dtype: "bool";
    }
  | {
      readonly kind: "select";
      readonly condition: number;
      readonly x: number;
      readonly y: number;
      readonly dtype: DType;
    }
  | { readonly kind: "cast"; readonly x: number; readonly dtype: DType }
  | {
      readonly kind: "shiftRight";
      readonly x: number;
      readonly bits: number;
      readonly dtype: "int32";
    };

export type ReduceOp = "sum" | "prod" | "max" | "min";

/** An instruction's result written at every index. */
export interface Store {
  readonly instruction: number;
  readonly value: Value;
  readonly view: View;
}

/** How a fold stays the same in every batch. */
export interface FoldInvariance {
  /** Whether elements are added one after another. Otherwise the backend chooses an order that follows from the folded axes. */
  readonly serial: boolean;
  /**
   * Whether the fold runs across the rows of its operand (over a batch). Only then may its order depend on other extents:
   * a result that belongs to one row has the same bits whatever other rows there are.
   */
  readonly acrossRows: boolean;
}

/** An instruction's result folded over the loop axes on which `view` has stride 0 and the extent is above 1 (listed in `axes`). */
export interface Reduction extends Store {
  readonly op: ReduceOp;
  readonly axes: readonly number[];
  /** Given where the order of a sum must not depend on extents that it does not fold. */
  readonly invariant?: FoldInvariance | undefined;
}

/** A body run at every index of `extents` ([] is one run). Iterations are independent but for the reductions. */
export interface LoopNest {
  readonly extents: readonly number[];
  readonly body: readonly Instruction[];
  readonly stores: readonly Store[];
  readonly reductions: readonly Reduction[];
}

/** Matrix of a product in memory: element (batch..., row, column). */
export interface MatrixView {
  readonly value: Value;
  readonly offset: number;
  readonly batch: readonly number[];
  readonly row: number;
  readonly column: number;
}

/** out[batch, m, n] = sum over k of a[batch, m, k] * b[batch, k, n]; out is contiguous. */
export interface MatmulWork {
  readonly kind: "matmul";
  readonly batch: readonly number[];
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly a: MatrixView;
  readonly b: MatrixView;
  readonly out: Value;
  readonly dtype: "float32" | "float64";
  /** Whether the order of a sum must depend on k alone. */
  readonly invariant?: boolean | undefined;
}

/** The convolution of contiguous `x` with a prepared kernel. */
export interface ConvWork {
  readonly kind: "conv";
  readonly shape: ConvShape;
  readonly algorithm: ConvAlgorithm;
  readonly x: Value;
  /** What `prepareKernel` made for the same shape and algorithm. */
  readonly kernel: Value;
  /** The sums [N, OH, OW, F]: written to memory only where there is no epilogue, or where that stores them. */
  readonly out: Value;
  /**
   * What is done to each sum while it is in a register: a nest over [N * OH * OW, F] whose loads of `out` are the sums. It has
   * stores only, contiguous ones, and its other loads are contiguous too or have stride 0 along the first axis. Or, for
   * Winograd's algorithms, a mere copy in which runs of filters become pixels.
   */
  readonly epilogue: LoopNest | undefined;
}

/** The gradient of a convolution's kernel [KH, KW, C / groups, F], from contiguous operands. */
export interface ConvFilterWork {
  readonly kind: "convFilter";
  readonly shape: ConvShape;
  readonly algorithm: ConvAlgorithm;
  readonly x: Value;
  readonly gradient: Value;
  readonly out: Value;
}

/** A kernel of any strides, laid out for `ConvWork` of the same shape and algorithm. */
export interface PrepareKernelWork {
  readonly kind: "prepareKernel";
  readonly shape: ConvShape;
  readonly algorithm: ConvAlgorithm;
  readonly kernel: { readonly value: Value; readonly view: View };
  readonly out: Value;
}

export type Work =
  /** Loop nests run one after another. */
  | { readonly kind: "loops"; readonly nests: readonly LoopNest[] }
  | MatmulWork
  | ConvWork
  | ConvFilterWork
  | PrepareKernelWork
  /** The node's primitive on contiguous operands in memory: gather, scatterAdd, argMax, argMin, cumSum, randomBits, pooling. */
  | {
      readonly kind: "direct";
      readonly node: Node;
      readonly inputs: readonly Value[];
      readonly out: Value;
    }
  /** The node's host operation on contiguous operands in memory. */
  | {
      readonly kind: "host";
      readonly node: Node<"host">;
      readonly inputs: readonly Value[];
      readonly outputs: readonly Value[];
    };

/** A unit of work between values in memory. */
export interface Kernel {
  readonly name: string;
  /** Everything the kernel computes, views and literals included, in order. */
  readonly nodes: readonly Node[];
  /** Values read from memory. */
  readonly inputs: readonly Value[];
  /** Values written to memory. */
  readonly outputs: readonly Value[];
  readonly work: Work;
}

/** Where a value lies while a program runs: at a fixed address, or where slot `slot` points. */
export type Place =
  | { readonly kind: "address"; readonly address: number }
  | { readonly kind: "slot"; readonly slot: number };

/** Kernels without host work in between, run by one call. */
export interface Segment {
  readonly name: string;
  readonly kernels: readonly Kernel[];
  /** Where a value lies. */
  readonly place: (value: Value) => Place;
  /** Slot s is the int32 at `slots + 4 * s`: it holds the address of its value, and may change between runs. */
  readonly slots: Pointer;
}
