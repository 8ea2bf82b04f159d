/**
 * @file The metrics of maps. Each makes altered copies of a picture, which are shown to the network, and a number of what the
 * network says about them. One entry for each, with its paper.
 */
import {
  between,
  finite,
  finitePositive,
  listOf,
  count as positiveCount,
  whole,
} from "../../base/kinds.ts";
import { type SettingsOf, optional } from "../../base/options.ts";
import { power } from "../../base/power.ts";
import { untraced } from "../../ir/trace.ts";
import { random } from "../../ops/index.ts";
import { impute } from "./impute.ts";
import type { Case } from "./subject.ts";

/** Options of metrics. */
export const metricOptions = {
  seed: optional(whole(0), 0, "What the order of equally relevant pixels and noise follow from."),
  tolerance: optional(
    between(0, Infinity),
    undefined,
    "Pixels around an object that still count as a hit; 3 % of the picture's longer side unless given.",
  ),
  steps: optional(
    positiveCount,
    undefined,
    "Steps from the original to nothing left; one for each row unless given.",
  ),
  baseline: optional(
    listOf(finite),
    undefined,
    "What deleted pixels become, a number for each channel; the picture's mean colour unless given.",
  ),
  blur: optional(
    finitePositive,
    5,
    "Standard deviation in pixels of the blur that insertion starts from.",
  ),
  noise: optional(
    between(0, Infinity),
    0.01,
    "Standard deviation of the noise on imputed pixels, relative to the range of the picture's values.",
  ),
};

/**
 * What metrics read of the options of `judge`: seed, tolerance, steps, baseline, blur and noise, checked, with defaults filled
 * in.
 */
export type MetricSettings = SettingsOf<typeof metricOptions>;

/** Altered copies of a picture. */
export interface Variants {
  readonly count: number;
  /** Writes variant number `index` into `pixels` [rows, columns, channels], which hold the original. */
  write(index: number, pixels: Float32Array): void;
}

/** A way to judge maps. */
export interface Metric {
  readonly name: string;
  /** What it measures, and who proposed it, in one line. */
  readonly description: string;
  readonly better: "higher" | "lower";
  /** Whether subjects need a mask. */
  readonly needsMask: boolean;
  /** The pictures to show to the network. */
  variants(subject: Case, settings: MetricSettings): Variants;
  /** The value, from the class's probability in each variant and in the original. */
  value(
    subject: Case,
    probabilities: Float64Array,
    original: number,
    settings: MetricSettings,
  ): number;
}

/** The tolerance of Zhang et al.: 15 pixels in photos of 500. */
const usualTolerance = 15 / 500;

/**
 * 1 if the map's largest value lies on the object or within `tolerance` pixels of it, otherwise 0 (Zhang et al. 2016, "Top-down
 * neural attention by excitation backprop", section 4.1). One of several largest values is drawn, so that a flat map points
 * nowhere in particular.
 */
const pointingGame: Metric = {
  name: "pointingGame",
  description: "how often the most relevant pixel lies on the object (Zhang 2016)",
  better: "higher",
  needsMask: true,
  variants: () => ({ count: 0, write: () => undefined }),
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

/**
 * The area below the curve of the class's probability over the share of pixels deleted, most relevant ones first (Petsiuk, Das
 * and Saenko 2018, RISE, section 4.2). Deleted pixels take the picture's mean colour, or `baseline`; the paper's networks see
 * the mean of their data.
 */
const deletion: Metric = {
  name: "deletion",
  description: "area below the probability while the most relevant pixels go first (Petsiuk 2018)",
  better: "lower",
  needsMask: false,
  variants(subject, { steps, seed, baseline = meanColour(subject) }) {
    const blank = subject.pixels.map((_, at) => baseline[at % subject.channels]!);
    return changeMostRelevantFirst(subject, subject.pixels, blank, { steps, seed });
  },
  value: (_, probabilities) => areaBelow(probabilities),
};

/**
 * The area below the curve of the class's probability over the share of pixels that are inserted, most relevant ones first,
 * into a blurred copy of the picture (Petsiuk, Das and Saenko 2018, RISE, section 4.2).
 */
const insertion: Metric = {
  name: "insertion",
  description:
    "area below the probability while the most relevant pixels come first (Petsiuk 2018)",
  better: "higher",
  needsMask: false,
  variants: (subject, { steps, seed, blur }) =>
    changeMostRelevantFirst(subject, blurred(subject, blur), subject.pixels, { steps, seed }),
  value: (_, probabilities) => areaBelow(probabilities),
};

/** Percentages of the map's values below the threshold from which pixels are removed. */
const percentiles = [10, 20, 30, 40, 50, 60, 70, 80, 90];

/**
 * Remove and debias (Rong et al. 2022): half of the difference between the mean probabilities without the least and without the
 * most relevant pixels, 10 % to 90 % of them; pytorch-grad-cam's ROADCombined. Between -1/2 and 1/2. Removed pixels are imputed
 * from their neighbours, with a little noise, so that the network cannot see where they were.
 */
const road: Metric = {
  name: "road",
  description:
    "probability without the least relevant pixels over that without the most relevant (Rong 2022)",
  better: "higher",
  needsMask: false,
  variants(subject, { seed, noise }) {
    const order = ranking(subject.map, seed);
    const { pixels, channels } = subject;
    const [least, most] = extremes(pixels);
    const std = noise * (most - least);
    return {
      count: 2 * percentiles.length,
      write(index, out) {
        const percentile = percentiles[index % percentiles.length]!;
        // The number of values at or above the threshold of numpy.percentile.
        const count = order.length - Math.ceil(((order.length - 1) * percentile) / 100);
        const missing = index < percentiles.length ? order.slice(0, count) : order.slice(-count);
        out.set(impute(subject, missing));
        if (noise === 0) return;
        const grain = untraced(() =>
          random.normal(random.foldIn(random.key(seed), index), [count, channels], { std }).data(),
        );
        missing.forEach((place, i) => {
          for (let c = 0; c < channels; c++) out[place * channels + c]! += grain[i * channels + c]!;
        });
      },
    };
  },
  value(_, probabilities) {
    const mean = (from: number): number => {
      const half = probabilities.subarray(from, from + percentiles.length);
      return half.reduce((sum, p) => sum + p, 0) / percentiles.length;
    };
    return (mean(percentiles.length) - mean(0)) / 2;
  },
};

/**
 * max(0, Y - O) / Y: the share of its probability Y that the class loses if only what is relevant is shown (Chattopadhay et al.
 * 2018, Grad-CAM++, section 4.1). Its mean in per cent is the paper's average drop.
 */
const averageDrop: Metric = {
  name: "averageDrop",
  description:
    "share of the probability lost when only what is relevant is shown (Chattopadhay 2018)",
  better: "lower",
  needsMask: false,
  variants: shownByRelevance,
  value: (_, [shown], original) => (original > 0 ? Math.max(0, original - shown!) / original : 0),
};

/**
 * 1 if the class is more probable when only what is relevant is shown, otherwise 0. Its mean is the paper's increase in
 * confidence.
 */
const averageIncrease: Metric = {
  name: "averageIncrease",
  description:
    "how often the probability grows when only what is relevant is shown (Chattopadhay 2018)",
  better: "higher",
  needsMask: false,
  variants: shownByRelevance,
  value: (_, [shown], original) => (shown! > original ? 1 : 0),
};

/** Every metric by its name. */
export const metrics: Readonly<Record<string, Metric>> = {
  pointingGame,
  deletion,
  insertion,
  road,
  averageDrop,
  averageIncrease,
};

/** The picture times the map, scaled to 0 to 1: E = L o I. */
function shownByRelevance({ map, channels }: Case): Variants {
  const [least, most] = extremes(map);
  const scale = most > least ? 1 / (most - least) : 0;
  return {
    count: 1,
    write(_, pixels) {
      for (let at = 0; at < pixels.length; at++)
        pixels[at]! *= (map[Math.floor(at / channels)]! - least) * scale;
    },
  };
}

/**
 * Variants that take more and more pixels, the most relevant ones first, from `after` instead of `before`: none in the first,
 * all in the last. One step for each row of the picture unless given (RISE takes 224 for 224 x 224).
 */
function changeMostRelevantFirst(
  { map, rows, columns, channels }: Case,
  before: Float32Array,
  after: Float32Array,
  { steps = rows, seed }: { readonly steps: number | undefined; readonly seed: number },
): Variants {
  const order = ranking(map, seed);
  return {
    count: steps + 1,
    write(index, pixels) {
      pixels.set(before);
      const changed = Math.round((index / steps) * rows * columns);
      for (let rank = 0; rank < changed; rank++) {
        const at = order[rank]! * channels;
        for (let c = at; c < at + channels; c++) pixels[c] = after[c]!;
      }
    },
  };
}

/** The area below a curve of evenly spaced points from 0 to 1, by the trapezoidal rule. */
function areaBelow(curve: ArrayLike<number>): number {
  const last = curve.length - 1;
  let sum = (curve[0]! + curve[last]!) / 2;
  for (let i = 1; i < last; i++) sum += curve[i]!;
  return sum / last;
}

/**
 * The indices of pixels, most relevant ones first. Equal values, of which maps behind a ReLU have many, are ordered at random:
 * the order of rows would favour one side of the picture.
 */
function ranking(map: ArrayLike<number>, seed: number): Int32Array {
  const order = untraced(
    () => random.permutation(random.key(seed), map.length).data() as Int32Array,
  );
  return order.sort((a, b) => map[b]! - map[a]!);
}

function meanColour({ pixels, channels }: Case): number[] {
  const sums = Array.from({ length: channels }, () => 0);
  for (let at = 0; at < pixels.length; at++) sums[at % channels]! += pixels[at]!;
  return sums.map((sum) => (sum * channels) / pixels.length);
}

/** The smallest and the largest value. */
export function extremes(values: ArrayLike<number>): readonly [least: number, most: number] {
  let [least, most] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++)
    [least, most] = [Math.min(least, values[i]!), Math.max(most, values[i]!)];
  return [least, most];
}

/** The picture under a Gaussian blur, with its border continued beyond the edge. */
export function blurred(
  { pixels, rows, columns, channels }: Case,
  deviation: number,
): Float32Array {
  const weights = gaussian(deviation);
  const along = (from: Float32Array, extent: number, stride: number): Float32Array =>
    from.map((_, at) => {
      const place = Math.floor(at / stride) % extent;
      const first = at - place * stride;
      const value = (i: number): number =>
        from[first + Math.min(extent - 1, Math.max(0, i)) * stride]!;
      let sum = weights[0]! * value(place);
      for (let d = 1; d < weights.length; d++)
        sum += weights[d]! * (value(place - d) + value(place + d));
      return sum;
    });
  return along(along(pixels, columns, channels), rows, columns * channels);
}

/** Weights of a Gaussian at distances 0, 1, ... up to three standard deviations; on both sides together their sum is 1. */
function gaussian(deviation: number): number[] {
  const half = Array.from({ length: Math.ceil(3 * deviation) + 1 }, (_, distance) =>
    power(Math.E, (-distance * distance) / (2 * deviation * deviation)),
  );
  const sum = half.reduce((total, weight) => total + 2 * weight, -half[0]!);
  return half.map((weight) => weight / sum);
}
