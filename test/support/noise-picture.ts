/** @file The pictures of test/golden/make-images.py. */
import type { Picture } from "../../src/models/index.ts";

/** Samples of a linear congruential generator (Numerical Recipes), the upper eight bits. */
export function noise(width: number, height: number, seed: number): Picture {
  let state = seed;
  const data = Uint8Array.from({ length: 3 * width * height }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
  return { width, height, data };
}
