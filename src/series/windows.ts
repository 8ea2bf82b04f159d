/**
 * @file Multiple shooting (Bock 1984): the series as windows that are solved side by side, each from a start of its own that is
 * learned with the network; neighbours share the observation where one ends and the next starts. Windows are short in the first
 * stages of a fit, where a bad network still gets usable gradients, and longer in later ones.
 */
import type { Scaled } from "./scaling.ts";

/**
 * Windows of `length` intervals each. Inside a window time is counted in intervals: s in [0, length] whatever the
 * spacing, with tau(s) monotone, continuously differentiable and exact at the observations, so that irregular
 * windows run in one batch. The last window may be short: there tau stands still and nothing was seen.
 */
export interface Windows {
  readonly count: number;
  readonly length: number;
  /** The start of each window, as tau. */
  readonly nodes: Float64Array;
  /** [count, length + 1, width]: observations, by window. */
  readonly targets: Float32Array;
  readonly seen: Float32Array;
  /** [count, length + 1]: dtau/ds at the observations. */
  readonly slopes: Float32Array;
  /** [count, length]: what the bubble 30u²(1-u)² on each interval adds to dtau/ds. */
  readonly bubbles: Float32Array;
  /** Whether dtau/ds is 1 throughout: the series is regular. */
  readonly regular: boolean;
  readonly width: number;
}

/** The windows of `length` intervals of a series. */
export function windowsOf(series: Scaled, length: number): Windows {
  const { tau, z, seen, width } = series;
  const last = tau.length - 1;
  const count = Math.ceil(last / length);
  const points = length + 1;
  const made = {
    count,
    length,
    width,
    nodes: Float64Array.from({ length: count }, (_, k) => tau[k * length]!),
    targets: new Float32Array(count * points * width),
    seen: new Float32Array(count * points * width),
    slopes: new Float32Array(count * points),
    bubbles: new Float32Array(count * length),
  };
  const gaps = Float64Array.from({ length: last }, (_, i) => tau[i + 1]! - tau[i]!);
  const regular = gaps.every((gap) => Math.abs(gap - 1) < 1e-6) && last % length === 0;
  for (let k = 0; k < count; k++) {
    const gap = (j: number): number => {
      const i = k * length + j;
      return j < 0 || j >= length || i >= last ? Number.NaN : gaps[i]!;
    };
    // The smaller neighbour's gap as slope keeps every bubble positive: tau never runs backwards.
    const slope = (j: number): number => {
      const [before, after] = [gap(j - 1), gap(j)];
      const padded = k * length + j > last;
      if (padded) return 0;
      if (Number.isNaN(before)) return Number.isNaN(after) ? 0 : after;
      return Number.isNaN(after) ? before : Math.min(before, after);
    };
    for (let j = 0; j < points; j++) {
      const row = k * length + j;
      made.slopes[k * points + j] = slope(j);
      if (j < length && row < last) {
        made.bubbles[k * length + j] = gap(j) - (slope(j) + slope(j + 1)) / 2;
      }
      if (row > last) continue;
      for (let c = 0; c < width; c++) {
        made.targets[(k * points + j) * width + c] = z[row * width + c]!;
        made.seen[(k * points + j) * width + c] = seen[row * width + c]!;
      }
    }
  }
  return { ...made, regular };
}

/** Reads a column at any time: interpolated between its observations, constant outside. */
function interpolant(series: Scaled, column: number): (tau: number) => number {
  const rows = [...series.tau.keys()].filter((r) => series.seen[r * series.width + column] === 1);
  const value = (i: number): number => series.z[rows[i]! * series.width + column]!;
  return (tau) => {
    // First observation after tau, by bisection.
    let [low, high] = [0, rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (series.tau[rows[middle]!]! <= tau) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return rows.length === 0 ? 0 : value(0);
    if (low === rows.length) return value(low - 1);
    const [before, after] = [series.tau[rows[low - 1]!]!, series.tau[rows[low]!]!];
    return value(low - 1) + ((tau - before) / (after - before)) * (value(low) - value(low - 1));
  };
}

/**
 * States [nodes, width + hidden] at the given times.
 * A hidden dimension starts as the slope of a column: with it, a single column can oscillate.
 */
export function guessStarts(series: Scaled, nodes: Float64Array, hidden: number): Float32Array {
  const { width } = series;
  const states = new Float32Array(nodes.length * (width + hidden));
  const at = Array.from({ length: width }, (_, column) => interpolant(series, column));
  nodes.forEach((tau, k) => {
    for (let d = 0; d < width + hidden; d++) {
      const column = at[d % width]!;
      states[k * (width + hidden) + d] =
        d < width ? column(tau) : d < 2 * width ? column(tau + 0.5) - column(tau - 0.5) : 0;
    }
  });
  return states;
}

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
