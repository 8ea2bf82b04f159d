// Runs of elements copied or zeroed by vectors: what gathering patches consists of.
import type { FunctionBuilder, Local } from "../../asm/index.ts";
import { repeat } from "../flow.ts";
import { advance, pointAt } from "../pointers.ts";

/** Bytes a step of the unrolled loop; shorter runs are written out. */
const stride = 64;
const longest = 256;

/** Copies `bytes` bytes, a multiple of 4, from one pointer to another. Both stay where they are. */
export function copyRun(fn: FunctionBuilder, from: Local, to: Local, bytes: number): void {
  run(fn, to, bytes, from);
}

/** Zeroes `bytes` bytes, a multiple of 4. */
export function clearRun(fn: FunctionBuilder, to: Local, bytes: number): void {
  run(fn, to, bytes, undefined);
}

function run(fn: FunctionBuilder, to: Local, bytes: number, from: Local | undefined): void {
  if (bytes <= longest) return written(fn, to, bytes, from);
  const target = fn.local("i32");
  pointAt(fn, target, to);
  const source = from === undefined ? undefined : fn.local("i32");
  if (source !== undefined) pointAt(fn, source, from!);
  repeat(fn, Math.floor(bytes / stride), () => {
    written(fn, target, stride, source);
    advance(fn, target, stride);
    if (source !== undefined) advance(fn, source, stride);
  });
  written(fn, target, bytes % stride, source);
}

function written(fn: FunctionBuilder, to: Local, bytes: number, from: Local | undefined): void {
  let done = 0;
  const move = (size: number, type: string, zero: () => void, suffix = ""): void => {
    for (; bytes - done >= size; done += size) {
      fn.get(to);
      if (from === undefined) zero();
      else {
        fn.get(from);
        fn.load(`${type}.load${suffix}`, done, 4);
      }
      fn.store(`${type}.store${suffix}`, done, 4);
    }
  };
  move(16, "v128", () => fn.v128({ i32x4: [0, 0, 0, 0] }));
  move(8, "i64", () => fn.i64(0n));
  move(4, "i32", () => fn.i32(0));
}
