/** @file What every kernel emitter is given, and how kernels find values in memory. */
import type { Value } from "../../ir/graph.ts";
import type { Place } from "../../ir/kernel.ts";

import type { FunctionBuilder, FunctionHandle, Local, WasmModule } from "./asm/index.ts";

/** The module under construction and where values lie. */
export interface EmitContext {
  readonly module: WasmModule;
  /** Where a value lies while the program runs: an address, a slot, or what the kernel's function is told or finds out. */
  place(value: Value): Place | Parameter | Computed;
  /** Address of the program's slot table. */
  readonly slots: number;
  /**
   * Address of at least `bytes` bytes, 64-byte aligned, that a kernel may write while it runs. All kernels of the
   * backend share them: nothing survives from one kernel to the next.
   */
  scratch(bytes: number): number;
  /** Imported `(x: f64, y: f64) => f64`: the exact remainder, sign of x (ECMAScript defines % exactly). */
  readonly remainder: FunctionHandle;
}

/** An address handed over in the kernel function's i32 parameter `index`. */
export interface Parameter {
  readonly kind: "parameter";
  readonly index: number;
}

/** A part of a kernel as a function, run once for every chunk number. */
export interface Phase {
  readonly fn: FunctionBuilder;
  /** Which chunk to do, an i32 local from 0 on. */
  readonly chunk: Local;
  /** Which thread does it, an i32 local: its own region of private scratch memory. */
  readonly thread: Local;
}

/** What emitters of kernels that several threads may share are given besides. */
export interface PhaseContext extends EmitContext {
  /**
   * Adds the kernel's next phase. Its chunks run in any order, on any thread, once each; all are done before the next
   * phase begins. What a chunk computes may depend on its number, never on the thread, and how a kernel is cut into
   * chunks never on how many threads there are: so results have the same bits on any number.
   */
  phase(chunks: number, emit: (phase: Phase) => void): void;
  /** Scratch memory of its own for every thread, 64-byte aligned: thread t's begins at address + t * step. */
  privateScratch(bytes: number): { readonly address: number; readonly step: number };
}

/** Writes one kernel as a function without results. */
export type KernelEmitter<W> = (context: EmitContext, fn: FunctionBuilder, work: W) => void;
/** Writes one kernel as phases. */
export type PhasedEmitter<W> = (context: PhaseContext, work: W) => void;

/** A value's address inside a kernel: `base` (if any) plus a constant number of bytes. */
export interface Address {
  readonly base: Local | undefined;
  readonly offset: number;
}

/** An address that the function being emitted has found out. */
export interface Computed extends Address {
  readonly kind: "computed";
}

/** Loads a value's address once, at the start of a kernel. Slots become a local; fixed addresses fold into offsets. */
export function addressOf(context: EmitContext, fn: FunctionBuilder, value: Value): Address {
  const place = context.place(value);
  if (place.kind === "address") return { base: undefined, offset: place.address };
  if (place.kind === "parameter") return { base: fn.param(place.index), offset: 0 };
  if (place.kind === "computed") return place;
  const base = fn.local("i32");
  loadSlot(context, fn, place.slot);
  fn.set(base);
  return { base, offset: 0 };
}

/** Puts the address in a slot on the stack. */
export function loadSlot(context: EmitContext, fn: FunctionBuilder, slot: number): void {
  fn.i32(0);
  fn.load("i32.load", context.slots + 4 * slot);
}
