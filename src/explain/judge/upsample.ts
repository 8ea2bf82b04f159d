/** @file Maps brought to the size of a picture: bilinearly between the centres of cells, as OpenCV and TensorFlow 2 do. */

/** A map of relevance: row-major values, larger where a picture speaks more for a class. */
export interface Heatmap {
  readonly values: ArrayLike<number>;
  /** Rows and columns. */
  readonly shape: readonly [rows: number, columns: number] | readonly number[];
}

/** Where along an axis the values come from: two neighbours and the share of the second. */
function sources(from: number, to: number): { low: number; high: number; share: number }[] {
  return Array.from({ length: to }, (_, i) => {
    const place = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5));
    const low = Math.floor(place);
    return { low, high: Math.min(from - 1, low + 1), share: place - low };
  });
}

/** The map at rows x columns, row-major. */
export function upsample({ values, shape }: Heatmap, rows: number, columns: number): Float64Array {
  const [h, w] = shape as readonly [number, number];
  const across = sources(w, columns);
  const out = new Float64Array(rows * columns);
  for (const [row, { low, high, share }] of sources(h, rows).entries())
    for (const [column, x] of across.entries()) {
      const line = (at: number): number =>
        values[at * w + x.low]! * (1 - x.share) + values[at * w + x.high]! * x.share;
      out[row * columns + column] = line(low) * (1 - share) + line(high) * share;
    }
  return out;
}
