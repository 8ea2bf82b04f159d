// Rearranges lanes between vectors: merges, and transposes of squares.
import type { FunctionBuilder, Local } from "../asm/index.ts";
import type { Lanes } from "./lanes.ts";

/** Byte numbers of a shuffle that picks `words` of `bytes` bytes each out of two vectors. */
function pick(bytes: number, ...words: number[]): number[] {
  return words.flatMap((word) => Array.from({ length: bytes }, (_, byte) => word * bytes + byte));
}

/** A register holding lanes of `bytes` bytes picked out of two vectors, those of y numbered after those of x. */
export function merge(
  fn: FunctionBuilder,
  x: Local,
  y: Local,
  bytes: number,
  ...words: number[]
): Local {
  const merged = fn.local("v128");
  fn.get(x);
  fn.get(y);
  fn.shuffle(pick(bytes, ...words));
  fn.set(merged);
  return merged;
}

/** Registers holding the transpose of a square of registers. */
export function transpose(fn: FunctionBuilder, lanes: Lanes, rows: readonly Local[]): Local[] {
  if (lanes.count === 2) {
    const [a, b] = rows as [Local, Local];
    return [merge(fn, a, b, 8, 0, 2), merge(fn, a, b, 8, 1, 3)];
  }
  const [a, b, c, d] = rows as [Local, Local, Local, Local];
  const [lowAB, highAB] = [merge(fn, a, b, 4, 0, 4, 1, 5), merge(fn, a, b, 4, 2, 6, 3, 7)];
  const [lowCD, highCD] = [merge(fn, c, d, 4, 0, 4, 1, 5), merge(fn, c, d, 4, 2, 6, 3, 7)];
  return [
    merge(fn, lowAB, lowCD, 8, 0, 2),
    merge(fn, lowAB, lowCD, 8, 1, 3),
    merge(fn, highAB, highCD, 8, 0, 2),
    merge(fn, highAB, highCD, 8, 1, 3),
  ];
}
