// Work cut into chunks, and loops whose bounds are known only when they run.
import type { FunctionBuilder, Local } from "../../../asm/index.ts";

/** Into how many chunks to cut `units` of work of `flops` floating-point operations each: at least ~20 us of work a chunk. */
export function chunksOf(units: number, flops: number, most: number = 32): number {
  return Math.max(1, Math.min(units, most, Math.floor((units * flops) / 500_000)));
}

/** The size of the fewest equal parts of `total` that are at most `most` each, or one unit; a multiple of `unit`. */
export function evenly(total: number, most: number, unit: number): number {
  const parts = Math.ceil(total / Math.max(unit, most));
  return Math.ceil(total / parts / unit) * unit;
}

/** The units [from, to) of a chunk; shares differ by at most one. */
export function chunkRange(
  fn: FunctionBuilder,
  chunk: Local,
  units: number,
  chunks: number,
): { from: Local; to: Local } {
  const bound = (next: number): Local => {
    const local = fn.local("i32");
    fn.get(chunk);
    fn.i32(next);
    fn.op("i32.add");
    fn.i32(units);
    fn.op("i32.mul");
    fn.i32(chunks);
    fn.op("i32.div_u");
    fn.set(local);
    return local;
  };
  return { from: bound(0), to: bound(1) };
}

/** A new local: base + index * bytes. */
export function placeAt(
  fn: FunctionBuilder,
  base: Local | number,
  index: Local,
  bytes: number,
): Local {
  const place = fn.local("i32");
  fn.get(index);
  fn.i32(bytes);
  fn.op("i32.mul");
  if (typeof base === "number") fn.i32(base | 0);
  else fn.get(base);
  fn.op("i32.add");
  fn.set(place);
  return place;
}
