/** @file The pointing game: is the most relevant pixel on the object? (Zhang et al. 2016, "Top-down neural attention by excitation backprop", section 4.1) */
import { type Metric, noVariants } from "./metric.ts";
import { ranking } from "./ranking.ts";

/** The paper's 15 pixels on photos of 500. */
const usualTolerance = 15 / 500;

/**
 * 1 where the map's largest value lies on the object, or within `tolerance` pixels of it (3 % of the longer side unless given).
 * Of several largest values one is drawn, so that a flat map points nowhere in particular.
 */
export const pointingGame: Metric = {
  name: "pointingGame",
  description: "how often the most relevant pixel lies on the object (Zhang 2016)",
  better: "higher",
  needsMask: true,
  variants: () => noVariants,
  value({ map, mask, rows, columns }, _, __, { seed, tolerance }) {
    const reach = tolerance ?? usualTolerance * Math.max(rows, columns);
    const [place] = ranking(map, seed);
    const [row, column] = [Math.floor(place! / columns), place! % columns];
    const whole = Math.floor(reach);
    for (let i = Math.max(0, row - whole); i <= Math.min(rows - 1, row + whole); i++)
      for (let j = Math.max(0, column - whole); j <= Math.min(columns - 1, column + whole); j++)
        if (
          mask![i * columns + j] !== 0 &&
          (i - row) * (i - row) + (j - column) * (j - column) <= reach * reach
        )
          return 1;
    return 0;
  },
};
