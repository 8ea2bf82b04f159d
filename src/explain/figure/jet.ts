/** @file The colour map jet, by matplotlib's definition. */

/** Each channel's values at some places, linear between them (matplotlib/_cm.py: _jet_data). */
const channels: readonly (readonly (readonly [at: number, value: number])[])[] = [
  [
    [0, 0],
    [0.35, 0],
    [0.66, 1],
    [0.89, 1],
    [1, 0.5],
  ],
  [
    [0, 0],
    [0.125, 0],
    [0.375, 1],
    [0.64, 1],
    [0.91, 0],
    [1, 0],
  ],
  [
    [0, 0.5],
    [0.11, 1],
    [0.34, 1],
    [0.65, 0],
    [1, 0],
  ],
];

/** Its 256 colours: equal to matplotlib's, which cuts the fraction of a level off. */
export function jet(): Uint8Array {
  const table = new Uint8Array(3 * 256);
  for (let step = 0; step < 256; step++)
    for (const [channel, places] of channels.entries()) {
      // In units of steps, and in matplotlib's order of operations, which decides on the last level.
      const x = 255 * (step * (1 / 255));
      const next = Math.max(
        1,
        places.findIndex(([at]) => 255 * at >= x),
      );
      const [[from, low], [to, high]] = [places[next - 1]!, places[next]!];
      const part = (x - 255 * from) / (255 * to - 255 * from);
      table[3 * step + channel] = Math.trunc(255 * (part * (high - low) + low));
    }
  return table;
}
