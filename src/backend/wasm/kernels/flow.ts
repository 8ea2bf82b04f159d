/**
 * @file Building blocks of kernels: counted loops, pointers, chunks, blocks of an axis, and functions emitted once per
 * module.
 */
import type { FunctionBuilder, Local, ValType, WasmModule, Label } from "../asm/index.ts";
import type { Value } from "../../../ir/graph.ts";
import { addressOf, type EmitContext } from "../emit.ts";

/** Runs `body` `count` times (a constant). Emits no loop for one run, nothing for none. */
export function repeat(fn: FunctionBuilder, count: number, body: () => void): void {
  if (count <= 0) return;
  if (count === 1) return body();
  const left = fn.local("i32");
  fn.i32(count);
  fn.set(left);
  fn.loop((top) => {
    body();
    fn.get(left);
    fn.i32(1);
    fn.op("i32.sub");
    fn.tee(left);
    fn.brIf(top);
  });
}

const functions = new WeakMap<WasmModule, Map<string, FunctionBuilder>>();

/** The module's function of that name, emitted when first asked for. The name must tell everything that the body depends on. */
export function sharedFunction(
  module: WasmModule,
  name: string,
  signature: { params: ValType[]; results: ValType[] },
  emit: (fn: FunctionBuilder) => void,
): FunctionBuilder {
  let known = functions.get(module);
  if (known === undefined) functions.set(module, (known = new Map()));
  let fn = known.get(name);
  if (fn === undefined) {
    fn = module.func(name, signature);
    known.set(name, fn);
    emit(fn);
  }
  return fn;
}

/** Pointers that move along an axis, by bytes an index. */
export type Moves = readonly (readonly [pointer: Local, bytes: number])[];

/**
 * Cuts `total` into blocks of `size` and a shorter last one and emits `body(count, first)` for both kinds; pointers move
 * after each block but the last. With `firstApart` the body is also emitted for the first block alone, else all are first.
 */
export function forBlocks(
  fn: FunctionBuilder,
  total: number,
  size: number,
  moves: Moves,
  body: (count: number, first: boolean) => void,
  firstApart: boolean = false,
): void {
  const whole = Math.floor(total / size);
  const rest = total % size;
  const apart = firstApart && whole > 0 ? 1 : 0;
  const run = (count: number, first: boolean, last: boolean): void => {
    body(count, first);
    if (!last) for (const [pointer, bytes] of moves) advance(fn, pointer, count * bytes);
  };
  if (apart > 0) run(size, true, total === size);
  repeat(fn, whole - apart, () => run(size, !firstApart, whole - apart === 1 && rest === 0));
  if (rest > 0) run(rest, !firstApart || whole === 0, true);
}

// Pointers in kernels: to values, moved, and the memory behind them cleared.

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

// How kernels walk through chunks of their work: even cuts, loops with bounds known only when they run.

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

// Ways out of a loop that are never taken, but make V8 keep the order and the registers that a loop of sums needs.

/**
 * Runs `body` with a function that emits a way out, to be called at most `count` times: after each step of a sum. It is
 * taken if `address`, where something is written, is a number so small that no memory of a kernel has it; the registers
 * would then be written there two by two.
 *
 * V8 (before Turboshaft) orders arithmetic backwards from where results are needed, past later loads if it can. Without a
 * way out after each step it would hold the operands of several steps at once, more than the sixteen registers of x64. And
 * because two sums are needed at once there, it puts two multiplications before their two additions; where they alternate,
 * a core with two multipliers and two adders (AMD Zen) loses a fifth, as it deals operations out in turns.
 */
export function withExits(
  fn: FunctionBuilder,
  registers: readonly Local[],
  address: Local,
  count: number,
  body: (wayOut: () => void) => void,
): void {
  const nest = (done: Label, exits: readonly Label[]): void => {
    if (exits.length === count) {
      let used = 0;
      body(() => {
        fn.get(address);
        fn.i32(used + 1);
        fn.op("i32.eq");
        fn.brIf(exits[used++]!);
      });
      fn.br(done);
      return;
    }
    fn.block((exit) => nest(done, [...exits, exit]));
    for (let i = 0; i < registers.length; i += 2) {
      fn.get(address);
      fn.get(registers[i]!);
      fn.get(registers[i + 1] ?? registers[i]!);
      fn.op("v128.xor");
      fn.store("v128.store", 0, 4);
    }
    fn.br(done);
  };
  fn.block((done) => nest(done, []));
}
