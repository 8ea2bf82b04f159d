/** @file Deletion: how fast a class' probability falls when its most relevant pixels go first (Petsiuk, Das and Saenko 2018, RISE, section 4.2). */
import { areaBelow, changeMostRelevantFirst } from "./curve.ts";
import type { Metric } from "./metric.ts";
import type { Case } from "./subject.ts";

/**
 * Area below the curve of the probability over the share of pixels deleted: the smaller, the better the map found what matters.
 * Deleted pixels take the picture's mean colour unless `baseline` says otherwise (the paper's networks see their data's mean).
 */
export const deletion: Metric = {
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

function meanColour({ pixels, channels }: Case): number[] {
  const sums = Array.from({ length: channels }, () => 0);
  for (let at = 0; at < pixels.length; at++) sums[at % channels]! += pixels[at]!;
  return sums.map((sum) => (sum * channels) / pixels.length);
}
