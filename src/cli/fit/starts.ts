// First guesses of the states where windows start: observations where there are some, lines between them elsewhere,
// slopes for the hidden dimensions.
import type { Scaled } from "./scaling.ts";

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
