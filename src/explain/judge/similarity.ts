/** @file How alike two maps are: by the order of their values, and by their structure. */

/** Ranks from 0; equal values share the mean of theirs. */
function ranks(values: ArrayLike<number>): Float64Array {
  const order = Array.from({ length: values.length }, (_, i) => i).sort(
    (a, b) => values[a]! - values[b]!,
  );
  const found = new Float64Array(values.length);
  for (let from = 0; from < order.length;) {
    let to = from + 1;
    while (to < order.length && values[order[to]!] === values[order[from]!]) to++;
    for (let i = from; i < to; i++) found[order[i]!] = (from + to - 1) / 2;
    from = to;
  }
  return found;
}

/** Spearman's rank correlation, -1 to 1: Pearson's of the ranks. 0 where one of the maps is flat. */
export function rankCorrelation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [x, y] = [ranks(a), ranks(b)];
  const mean = (x.length - 1) / 2;
  let [xy, xx, yy] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    const [dx, dy] = [x[i]! - mean, y[i]! - mean];
    xy += dx * dy;
    xx += dx * dx;
    yy += dy * dy;
  }
  return xx === 0 || yy === 0 ? 0 : xy / Math.sqrt(xx * yy);
}

/** Rows and columns of SSIM's window, and its constants for values from 0 to 1. */
const usualWindow = 7;
const [c1, c2] = [0.01 * 0.01, 0.03 * 0.03];

/**
 * Structural similarity of two maps of one shape, each scaled to 0 to 1 (Wang et al. 2004, eq. 13): the mean over all windows of
 * 7 x 7 values, or of the largest odd size that fits. 1 for equal maps.
 */
export function structuralSimilarity(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  [rows, columns]: readonly [number, number],
): number {
  const [x, y] = [scaled(a), scaled(b)];
  const least = Math.min(rows, columns, usualWindow);
  const window = least % 2 === 0 ? least - 1 : least;
  let sum = 0;
  for (let top = 0; top + window <= rows; top++)
    for (let left = 0; left + window <= columns; left++) {
      let [sx, sy, sxx, syy, sxy] = [0, 0, 0, 0, 0];
      for (let i = top; i < top + window; i++)
        for (let at = i * columns + left; at < i * columns + left + window; at++) {
          const [u, v] = [x[at]!, y[at]!];
          sx += u;
          sy += v;
          sxx += u * u;
          syy += v * v;
          sxy += u * v;
        }
      const n = window * window;
      const [mx, my] = [sx / n, sy / n];
      const [vx, vy, cov] = [sxx / n - mx * mx, syy / n - my * my, sxy / n - mx * my];
      sum += ((2 * mx * my + c1) * (2 * cov + c2)) / ((mx * mx + my * my + c1) * (vx + vy + c2));
    }
  return sum / ((rows - window + 1) * (columns - window + 1));
}

function scaled(values: ArrayLike<number>): Float64Array {
  let [least, most] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++)
    [least, most] = [Math.min(least, values[i]!), Math.max(most, values[i]!)];
  const scale = most > least ? 1 / (most - least) : 0;
  return Float64Array.from(values, (value) => (value - least) * scale);
}
