/** @file Where the steps of methods with fixed steps end: by their number, by their size, or at the output times. */

/** Number of steps from `start` to `end`; without a number and a size the `count` output times are the grid. */
export function stepCount(
  steps: number | undefined,
  stepSize: number | undefined,
  start: number,
  end: number,
  count: number,
): number {
  if (steps !== undefined) return steps;
  if (stepSize === undefined) return count - 1;
  // Whole steps: one that overshoots by rounding alone ends at the end.
  return Math.max(1, Math.ceil((Math.abs(end - start) / stepSize) * (1 - 1e-12)));
}

/** The end of step `index`, counted from 1, if it is not the last. */
export function stepEnd(
  index: number,
  steps: number | undefined,
  stepSize: number | undefined,
  start: number,
  end: number,
  times: Float64Array,
): number {
  if (stepSize !== undefined) return start + Math.sign(end - start) * index * stepSize;
  if (steps !== undefined) return start + ((end - start) * index) / steps;
  return times[index]!;
}
