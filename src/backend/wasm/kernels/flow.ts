// Control flow that the kernels share: counted loops, blocks of an axis, functions made once a module.
import type { FunctionBuilder, Local, ValType, WasmModule } from "../asm/index.ts";
import { advance } from "./pointers.ts";

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
