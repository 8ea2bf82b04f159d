/**
 * @file Luminance and colour differences -> red, green and blue, as libjpeg does it: colours that were stored at half the resolution are
 * interpolated with weights 3/4 and 1/4 (jdsample.c: h2v1, h1v2 and h2v2_fancy_upsample), and converted in integers (jdcolor.c).
 */

/** What one plane was stored with: every `across`th sample of every `down`th row. */
export interface Subsampling {
  readonly across: number;
  readonly down: number;
}

/** Converts interleaved Y, Cb and Cr in place. Subsampled planes have their samples repeated. */
export function toRgb(
  data: Uint8Array,
  width: number,
  height: number,
  differences: readonly [Subsampling, Subsampling],
): void {
  for (const [index, { across, down }] of differences.entries())
    if (across <= 2 && down <= 2) interpolate(data, 1 + index, width, height, across, down);
  for (let at = 0; at < data.length; at += 3) {
    const y = data[at]!;
    const cb = data[at + 1]! - 128;
    const cr = data[at + 2]! - 128;
    data[at] = clip(y + ((fixed(1.402) * cr + half) >> 16));
    data[at + 1] = clip(y + ((-fixed(0.34414) * cb - fixed(0.71414) * cr + half) >> 16));
    data[at + 2] = clip(y + ((fixed(1.772) * cb + half) >> 16));
  }
}

const half = 2 ** 15;
const fixed = (factor: number): number => Math.floor(factor * 2 ** 16 + 0.5);
const clip = (level: number): number => (level < 0 ? 0 : level > 255 ? 255 : level);

/** Puts values between a plane's samples, which lie at every `across`th pixel of every `down`th row. */
function interpolate(
  data: Uint8Array,
  plane: number,
  width: number,
  height: number,
  across: number,
  down: number,
): void {
  const columns = Math.ceil(width / across);
  const rows = Math.ceil(height / down);
  // libjpeg leaves planes of one or two columns as they are.
  if ((across === 1 && down === 1) || (across === 2 && columns <= 2)) return;
  const samples = new Uint8Array(columns * rows);
  for (let row = 0, to = 0; row < rows; row++)
    for (let column = 0; column < columns; column++, to++)
      samples[to] = data[3 * (row * down * width + column * across) + plane]!;
  const line = new Int32Array(columns);
  for (let y = 0; y < height; y++) {
    const row = Math.floor(y / down);
    // The other row, above or below, that weighs a quarter; beyond the edge it is the row itself.
    const other = Math.min(Math.max(row + (y % 2 === 0 ? -1 : 1), 0), rows - 1);
    for (let column = 0; column < columns; column++) {
      const near = samples[row * columns + column]!;
      line[column] = down === 1 ? near : 3 * near + samples[other * columns + column]!;
    }
    for (let x = 0; x < width; x++)
      data[3 * (y * width + x) + plane] =
        across === 1 ? (line[x]! + 1 + (y % 2)) >> 2 : between(line, x, down);
  }
}

/** The value at column x of twice as many as the line has; its values are four times the samples if rows were interpolated. */
function between(line: Int32Array, x: number, down: number): number {
  const column = x >> 1;
  const other = line[column + (x % 2 === 0 ? -1 : 1)] ?? line[column]!;
  const sum = 3 * line[column]! + other;
  return down === 1 ? (sum + 1 + (x % 2)) >> 2 : (sum + 8 - (x % 2)) >> 4;
}
