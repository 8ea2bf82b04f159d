/** @file ROAD, remove and debias: pixels are removed so that the network cannot see where (Rong et al. 2022). */
import { untraced } from "../../ir/trace.ts";
import { random } from "../../ops/index.ts";
import { impute } from "./impute.ts";
import type { Metric } from "./metric.ts";
import { ranking } from "./ranking.ts";

/** Per cent of the map's values that lie below the threshold from which pixels are removed. */
const percentiles = [10, 20, 30, 40, 50, 60, 70, 80, 90];

/**
 * Half of the difference between the mean probabilities after least relevant pixels were removed and after most relevant ones
 * were, 10 % to 90 % of them: what pytorch-grad-cam calls ROADCombined. Between -1/2 and 1/2. Removed pixels are filled in from
 * their neighbours, with a little noise.
 */
export const road: Metric = {
  name: "road",
  description:
    "probability without the least relevant pixels over that without the most relevant (Rong 2022)",
  better: "higher",
  needsMask: false,
  variants(subject, { seed, noise }) {
    const order = ranking(subject.map, seed);
    const { pixels, channels } = subject;
    const amplitude = noise * range(pixels);
    return {
      count: 2 * percentiles.length,
      write(index, out) {
        const percentile = percentiles[index % percentiles.length]!;
        // As many as numpy.percentile's threshold leaves at or above it.
        const count = order.length - Math.ceil(((order.length - 1) * percentile) / 100);
        const missing = index < percentiles.length ? order.slice(0, count) : order.slice(-count);
        out.set(impute(subject, missing));
        if (noise === 0) return;
        const grain = untraced(() =>
          random
            .normal(random.foldIn(random.key(seed), index), [count, channels], { std: amplitude })
            .data(),
        );
        missing.forEach((place, i) => {
          for (let c = 0; c < channels; c++) out[place * channels + c]! += grain[i * channels + c]!;
        });
      },
    };
  },
  value(_, probabilities) {
    const mean = (from: number): number => {
      const part = probabilities.subarray(from, from + percentiles.length);
      return part.reduce((sum, p) => sum + p, 0) / percentiles.length;
    };
    return (mean(percentiles.length) - mean(0)) / 2;
  },
};

function range(values: Float32Array): number {
  let [least, most] = [Infinity, -Infinity];
  for (const value of values) [least, most] = [Math.min(least, value), Math.max(most, value)];
  return most - least;
}
