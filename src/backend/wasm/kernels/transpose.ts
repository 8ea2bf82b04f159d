// Transposes a square of vectors in registers.
import type { FunctionBuilder, Local } from "../asm/index.ts";
import type { Lanes } from "./lanes.ts";

/** Byte numbers of a shuffle that picks `words` of `bytes` bytes each out of two vectors. */
function pick(bytes: number, ...words: number[]): number[] {
  return words.flatMap((word) => Array.from({ length: bytes }, (_, byte) => word * bytes + byte));
}

/** Registers holding the transpose of a square of registers. */
export function transpose(fn: FunctionBuilder, lanes: Lanes, rows: readonly Local[]): Local[] {
  const merge = (x: Local, y: Local, bytes: number, ...words: number[]): Local => {
    const merged = fn.local("v128");
    fn.get(x);
    fn.get(y);
    fn.shuffle(pick(bytes, ...words));
    fn.set(merged);
    return merged;
  };
  if (lanes.count === 2) {
    const [a, b] = rows as [Local, Local];
    return [merge(a, b, 8, 0, 2), merge(a, b, 8, 1, 3)];
  }
  const [a, b, c, d] = rows as [Local, Local, Local, Local];
  const [lowAB, highAB] = [merge(a, b, 4, 0, 4, 1, 5), merge(a, b, 4, 2, 6, 3, 7)];
  const [lowCD, highCD] = [merge(c, d, 4, 0, 4, 1, 5), merge(c, d, 4, 2, 6, 3, 7)];
  return [
    merge(lowAB, lowCD, 8, 0, 2),
    merge(lowAB, lowCD, 8, 1, 3),
    merge(highAB, highCD, 8, 0, 2),
    merge(highAB, highCD, 8, 1, 3),
  ];
}
