// Multiple shooting (Bock 1984): the series cut into windows that are solved side by side, each from a start
// of its own that is learned with the network; neighbours share the observation where one ends and the next starts.
import type { Scaled } from "./scaling.ts";

/**
 * Windows of `length` intervals each. Inside a window time is counted in intervals: s in [0, length] whatever the
 * spacing, with tau(s) monotone, continuously differentiable and exact at the observations, so that irregular
 * windows run in one batch. The last window may be short: there tau stands still and nothing was seen.
 */
export interface Windows {
  readonly count: number;
  readonly length: number;
  /** tau where each window starts. */
  readonly nodes: Float64Array;
  /** [count, length + 1, width]: observations, by window. */
  readonly targets: Float32Array;
  readonly seen: Float32Array;
  /** [count, length + 1]: dtau/ds at the observations. */
  readonly slopes: Float32Array;
  /** [count, length]: what the bubble 30u²(1-u)² on each interval adds to dtau/ds. */
  readonly bubbles: Float32Array;
  /** dtau/ds is 1 throughout: the series is regular. */
  readonly regular: boolean;
  readonly width: number;
}

/** Cuts a series into windows of `length` intervals. */
export function cut(series: Scaled, length: number): Windows {
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
