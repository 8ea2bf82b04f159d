/** @file What every kernel emitter is given, and how kernels find values in memory. */
import type { Value } from "../../ir/graph.ts";
import type { Place } from "../../ir/kernel.ts";

import type { FunctionBuilder, FunctionHandle, Local, WasmModule } from "./asm/index.ts";

/** The module under construction and where values lie. */
export interface EmitContext {
  readonly module: WasmModule;
  /** Where a value lies while the program runs: an address, a slot, or a parameter of the kernel's function. */
  place(value: Value): Place | Parameter;
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

/** Writes one kernel as a function without results. */
export type KernelEmitter<W> = (context: EmitContext, fn: FunctionBuilder, work: W) => void;

/** A value's address inside a kernel: `base` (if any) plus a constant number of bytes. */
export interface Address {
  readonly base: Local | undefined;
  readonly offset: number;
}

/** Loads a value's address once, at the start of a kernel. Slots become a local; fixed addresses fold into offsets. */
export function addressOf(context: EmitContext, fn: FunctionBuilder, value: Value): Address {
  const place = context.place(value);
  if (place.kind === "address") return { base: undefined, offset: place.address };
  if (place.kind === "parameter") return { base: fn.param(place.index), offset: 0 };
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
