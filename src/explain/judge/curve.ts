/** @file Curves of a class' probability over the share of pixels that were changed. */
import type { Variants } from "./metric.ts";
import { ranking } from "./ranking.ts";
import type { Case } from "./subject.ts";

/**
 * Variants in which more and more pixels, the most relevant first, are taken from `after` in place of `before`: none in the
 * first, all in the last. A step for each row of the picture unless told otherwise (RISE's 224 for 224 x 224).
 */
export function changeMostRelevantFirst(
  { map, rows, columns, channels }: Case,
  before: Float32Array,
  after: Float32Array,
  { steps = rows, seed }: { readonly steps: number | undefined; readonly seed: number },
): Variants {
  const order = ranking(map, seed);
  return {
    count: steps + 1,
    write(index, pixels) {
      pixels.set(before);
      const changed = Math.round((index / steps) * rows * columns);
      for (let rank = 0; rank < changed; rank++) {
        const at = order[rank]! * channels;
        for (let c = at; c < at + channels; c++) pixels[c] = after[c]!;
      }
    },
  };
}

/** Area below a curve whose points are equally far apart, from 0 to 1 (trapezoidal rule). */
export function areaBelow(curve: ArrayLike<number>): number {
  const last = curve.length - 1;
  let sum = (curve[0]! + curve[last]!) / 2;
  for (let i = 1; i < last; i++) sum += curve[i]!;
  return sum / last;
}
