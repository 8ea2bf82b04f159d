// Pointers in kernels: to values, moved, and the memory behind them cleared.
import type { Value } from "../../../ir/graph.ts";
import type { FunctionBuilder, Local } from "../asm/index.ts";
import { addressOf, type EmitContext } from "../emit.ts";

/** pointer += bytes. */
export function advance(fn: FunctionBuilder, pointer: Local, bytes: number): void {
  if (bytes === 0) return;
  fn.get(pointer);
  fn.i32(bytes);
  fn.op("i32.add");
  fn.set(pointer);
}

/** target = source, a pointer or an address. */
export function pointAt(fn: FunctionBuilder, target: Local, source: Local | number): void {
  if (typeof source === "number") fn.i32(source);
  else fn.get(source);
  fn.set(target);
}

/** A new pointer to `bytes` bytes after a value's first element. */
export function pointerTo(
  context: EmitContext,
  fn: FunctionBuilder,
  value: Value,
  bytes: number = 0,
): Local {
  const { base, offset } = addressOf(context, fn, value);
  const pointer = fn.local("i32");
  pointAt(fn, pointer, base ?? offset + bytes);
  if (base !== undefined) advance(fn, pointer, offset + bytes);
  return pointer;
}

/** Zeroes `bytes` bytes from a pointer on. */
export function clear(fn: FunctionBuilder, pointer: Local, bytes: number): void {
  if (bytes === 0) return;
  fn.get(pointer);
  fn.i32(0);
  fn.i32(bytes);
  fn.op("memory.fill");
}
