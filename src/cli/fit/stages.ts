// The course of a fit: short windows first, where a bad network still gets usable gradients, then longer ones.

/** A stretch of training with windows of one length. */
export interface Stage {
  /** Intervals in a window. */
  readonly length: number;
  /** First iteration (from 0) and the one after the last. */
  readonly from: number;
  readonly to: number;
}

const shortest = 5;

/**
 * Window lengths double, from at most 5 intervals up to `longest` or the whole series, so that every window starts where one
 * of the stage before did. Each takes an equal share of the iterations, but the last, whose result is kept, takes half.
 */
export function planStages(intervals: number, iterations: number, longest: number): Stage[] {
  const most = Math.min(intervals, longest);
  let doublings = 0;
  while (shortest * 2 ** doublings < most) doublings++;
  const base = Math.ceil(most / 2 ** doublings);
  const lengths = Array.from({ length: doublings + 1 }, (_, i) =>
    Math.min(intervals, base * 2 ** i),
  );
  // Too few iterations for every length: keep the longest ones.
  const kept = lengths.slice(-Math.max(1, Math.min(lengths.length, Math.floor(iterations / 2))));
  const early = kept.length - 1;
  const share = early === 0 ? 0 : iterations / 2 / early;
  return kept.map((length, i) => ({
    length,
    from: Math.round(share * i),
    to: i === early ? iterations : Math.round(share * (i + 1)),
  }));
}
