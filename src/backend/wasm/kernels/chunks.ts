// How kernels walk through chunks of their work: even cuts, loops with bounds known only when they run.
import type { FunctionBuilder, Local } from "../asm/index.ts";
import { advance, clear } from "./pointers.ts";

/** Numbers in two lists, cut evenly: `count` chunks of at most `size`. */
export interface Cut {
  readonly size: number;
  readonly count: number;
}

/** Cuts `total` into chunks of at least `least` (a multiple of `unit`), at most `most` of them, none empty. */
export function cut(total: number, least: number, most: number, unit = 1): Cut {
  const even = Math.ceil(total / most / unit) * unit;
  const size = Math.max(Math.ceil(least / unit) * unit, even, unit);
  return { size, count: Math.max(1, Math.ceil(total / size)) };
}

/** A local of `value`, a constant or another local. */
export function copyOf(fn: FunctionBuilder, value: Local | number): Local {
  const local = fn.local("i32");
  if (typeof value === "number") fn.i32(value);
  else fn.get(value);
  fn.set(local);
  return local;
}

/** A local of `local * factor + offset`. */
export function scaled(fn: FunctionBuilder, local: Local, factor: number, offset = 0): Local {
  const result = fn.local("i32");
  fn.get(local);
  fn.i32(factor);
  fn.op("i32.mul");
  fn.i32(offset);
  fn.op("i32.add");
  fn.set(result);
  return result;
}

/** target += local * factor. */
export function addScaled(fn: FunctionBuilder, target: Local, local: Local, factor: number): void {
  fn.get(target);
  fn.get(local);
  fn.i32(factor);
  fn.op("i32.mul");
  fn.op("i32.add");
  fn.set(target);
}

/** The quotient and the remainder of a local by a positive constant. */
export function divided(
  fn: FunctionBuilder,
  local: Local,
  divisor: number,
): { readonly quotient: Local; readonly rest: Local } {
  const [quotient, rest] = [fn.local("i32"), fn.local("i32")];
  fn.get(local);
  fn.i32(divisor);
  fn.op("i32.div_u");
  fn.tee(quotient);
  fn.i32(-divisor);
  fn.op("i32.mul");
  fn.get(local);
  fn.op("i32.add");
  fn.set(rest);
  return { quotient, rest };
}

/** The smaller of a local and a constant, or another local. */
export function smaller(fn: FunctionBuilder, x: Local, y: Local | number): Local {
  const result = fn.local("i32");
  const push = (): void => (typeof y === "number" ? fn.i32(y) : fn.get(y));
  fn.get(x);
  push();
  fn.get(x);
  push();
  fn.op("i32.lt_s");
  fn.select();
  fn.set(result);
  return result;
}

/** Runs `body` while `index` < `end`, adding `step` after each run. */
export function forRange(
  fn: FunctionBuilder,
  index: Local,
  end: Local | number,
  step: number,
  body: () => void,
): void {
  const below = (): void => {
    fn.get(index);
    if (typeof end === "number") fn.i32(end);
    else fn.get(end);
    fn.op("i32.lt_s");
  };
  below();
  fn.if(() =>
    fn.loop((top) => {
      body();
      fn.get(index);
      fn.i32(step);
      fn.op("i32.add");
      fn.set(index);
      below();
      fn.brIf(top);
    }),
  );
}

/** `equal` where the local is the constant, `otherwise` elsewhere. */
export function ifEquals(
  fn: FunctionBuilder,
  local: Local,
  value: number,
  equal: () => void,
  otherwise?: () => void,
): void {
  fn.get(local);
  fn.i32(value);
  fn.op("i32.eq");
  fn.if(equal, otherwise);
}

/** How large the blocks of a cut are: the last one, and the others where those are larger. */
export function sizesOf({ size, count }: Cut, total: number): number[] {
  const last = total - (count - 1) * size;
  return count === 1 || last === size ? [last] : [last, size];
}

/** Emits for a cut's whole blocks and for its last one if that is shorter; `index` tells which it is. */
export function eachSize(
  fn: FunctionBuilder,
  index: Local,
  blocks: Cut,
  total: number,
  emit: (size: number) => void,
): void {
  const [last, size] = sizesOf(blocks, total);
  if (size === undefined) return emit(last!);
  ifEquals(
    fn,
    index,
    blocks.count - 1,
    () => emit(last!),
    () => emit(size),
  );
}

/** Up to whole lines of the cache. */
export function align(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}

/** Zeroes `rows` rows of `bytes` bytes each, `step` bytes apart. */
export function clearRows(
  fn: FunctionBuilder,
  start: Local,
  rows: number,
  bytes: number,
  step: number,
): void {
  const line = copyOf(fn, start);
  const row = copyOf(fn, 0);
  forRange(fn, row, rows, 1, () => {
    clear(fn, line, bytes);
    advance(fn, line, step);
  });
}
