// The course of a fit: short windows first, where a bad network still gets usable gradients, then longer ones.

/** A stretch of training with windows of one length. */
export interface Stage {
  /** Intervals in a window. */
  readonly length: number;
  /** First iteration (from 0) and the one after the last. */
  readonly from: number;
  readonly to: number;
  /** Weight of the jumps between windows; grows, so that in the end the windows join. */
  readonly continuity: number;
}

const shortest = 4;

/**
 * Window lengths double from 4 intervals up to `longest` (or the whole series), each for an equal share of the iterations.
 * The last stage takes twice its share: it is the one whose result is kept.
 */
export function planStages(intervals: number, iterations: number, longest: number): Stage[] {
  const most = Math.min(intervals, longest);
  const lengths = [most];
  while (lengths[0]! > shortest) lengths.unshift(Math.ceil(lengths[0]! / 2));
  // Too few iterations for every length: keep the longest ones.
  const kept = lengths.slice(-Math.max(1, Math.min(lengths.length, iterations - 1)));
  const shares = kept.length + 1;
  return kept.map((length, i) => ({
    length,
    from: Math.round((iterations * i) / shares),
    to: i === kept.length - 1 ? iterations : Math.round((iterations * (i + 1)) / shares),
    continuity: 4 ** i,
  }));
}
