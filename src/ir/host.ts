/**
 * @file Operations that the host runs between compiled segments: loops whose length only the data tell
 * (ODE solves), or whose body is a graph of its own (scan). The loop is TypeScript; its body is compiled.
 */
import type { DType } from "./dtype.ts";
import type { Tensor } from "./tensor.ts";
import type { AnyGraph, TensorType } from "./value.ts";

/** Address of a tensor's first element in kernel memory, in bytes. */
export type Pointer = number;

/** A compiled graph whose inputs and outputs lie where the host says. Runs without allocating. */
export interface Procedure {
  /** Where input i is read from, until bound anew. */
  bindInput(index: number, pointer: Pointer): void;
  /** Where output i is written to, until bound anew. Outputs must not overlap inputs. */
  bindOutput(index: number, pointer: Pointer): void;
  /** As `bindInput` and `bindOutput`, for several in a row from `first` on. */
  bindInputs(first: number, pointers: readonly Pointer[]): void;
  bindOutputs(first: number, pointers: readonly Pointer[]): void;
  run(): void;
}

/** What a host operation can use while it is prepared and run. */
export interface HostContext {
  /** Compiles a graph; its nested host operations are prepared with it. */
  compile(graph: AnyGraph, name: string): Procedure;
  /** Memory for a tensor, 16-byte aligned, owned by the program that contains the operation. */
  allocate(type: TensorType): Pointer;
  /** Grown when records need more than was allocated: gives back the old block. */
  reallocate(pointer: Pointer, oldBytes: number, newBytes: number): Pointer;
  /** Elements at an address. The view is good until the next allocation. bool is int32 in kernel memory. */
  view(dtype: DType, pointer: Pointer, size: number): Float32Array | Float64Array | Int32Array;
  /** Copies within kernel memory. */
  copy(to: Pointer, from: Pointer, bytes: number): void;
  fill(pointer: Pointer, bytes: number): void;
  /** An object shared by the operations of one program under a key: how a forward solve hands its record to the backward one. */
  shared<T>(key: object, make: () => T): T;
  /** The object shared under a key, if there is one. */
  found<T>(key: object): T | undefined;
  /** What the caller of the run under way has passed along for its host operations, if anything. */
  readonly caller: unknown;
}

/** Runs once a call: addresses of inputs, and of outputs to fill. */
export type HostRun = (inputs: readonly Pointer[], outputs: readonly Pointer[]) => void;

/** A host operation with its own differentiation rules. */
export interface HostOp {
  readonly name: string;
  /** Types of the outputs. */
  readonly outputs: readonly TensorType[];
  /** Two operations of equal key do the same to equal inputs (objects given to `shared` aside). */
  readonly key: string;
  /** Inputs, outputs and one cotangent an output (undefined: zero) -> one cotangent an input (undefined: none). Only inputs marked in `wrt` need one (all, where it is left out). */
  vjp?(
    inputs: readonly Tensor[],
    outputs: readonly Tensor[],
    cotangents: readonly (Tensor | undefined)[],
    wrt?: readonly boolean[],
  ): readonly (Tensor | undefined)[];
  /** Called instead of binding this operation when a vjp will follow: may leave a record for it. */
  recording?(): HostOp;
  /** Inputs, outputs and one tangent an input (undefined: zero) -> one tangent an output. */
  jvp?(
    inputs: readonly Tensor[],
    outputs: readonly Tensor[],
    tangents: readonly (Tensor | undefined)[],
  ): readonly (Tensor | undefined)[];
  /**
   * What the operation computes, written into the current trace as other primitives: for programs that leave the host, such
   * as exported files. Throws ArgumentError where only the data tell how long the loop is.
   */
  unroll?(inputs: readonly Tensor[]): readonly Tensor[];
  prepare(context: HostContext): HostRun;
}
