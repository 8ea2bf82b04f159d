/** @file A metric of maps: how much of the probability is lost without the pixels whose relevance is above the mean. */
import type { Metric } from "../../../src/explain/index.ts";

export const necessity: Metric = {
  name: "necessity",
  description: "the probability lost without the pixels above the map's mean",
  better: "higher",
  needsMask: false,
  variants: ({ map, channels }) => ({
    count: 1,
    write(_, pixels) {
      const mean = map.reduce((sum, value) => sum + value, 0) / map.length;
      map.forEach((value, at) => {
        if (value > mean) pixels.fill(0, at * channels, (at + 1) * channels);
      });
    },
  }),
  value: (_, probabilities, original) => original - probabilities[0]!,
};
