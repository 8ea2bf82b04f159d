/** @file Derivatives by differences: Ridders' extrapolation (Advances in Engineering Software 4, 1982, 75-76). */

/** A derivative, and the magnitude of the function's values near it. */
export interface Difference {
  readonly estimate: number;
  readonly scale: number;
}

const levels = 5;

/**
 * f'(0) by central differences with steps h, h/2, ..., extrapolated to step 0. The entry of the table that changes least is
 * taken, so that neither truncation nor rounding decides.
 */
export function ridders(f: (offset: number) => number, h: number): Difference {
  let previous: number[] = [];
  let best = { estimate: NaN, error: Infinity };
  let scale = 0;
  for (let level = 0; level < levels; level++) {
    const step = h / 2 ** level;
    const [above, below] = [f(step), f(-step)];
    scale = Math.max(scale, Math.abs(above), Math.abs(below));
    const row = [(above - below) / (2 * step)];
    for (let j = 1; j <= level; j++) {
      const finer = row[j - 1]!;
      const coarser = previous[j - 1]!;
      const extrapolated = finer + (finer - coarser) / (4 ** j - 1);
      const error = Math.max(Math.abs(extrapolated - finer), Math.abs(extrapolated - coarser));
      if (error <= best.error) best = { estimate: extrapolated, error };
      row.push(extrapolated);
    }
    previous = row;
  }
  return { estimate: best.estimate, scale };
}
