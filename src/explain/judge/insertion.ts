/** @file Insertion: how fast a class' probability rises when its most relevant pixels appear first (Petsiuk, Das and Saenko 2018, RISE, section 4.2). */
import { blurred } from "./blur.ts";
import { areaBelow, changeMostRelevantFirst } from "./curve.ts";
import type { Metric } from "./metric.ts";

/**
 * Area below the curve of the probability over the share of pixels that are taken from the picture, and no longer from a blurred
 * copy of it: the larger, the better the map found what is enough.
 */
export const insertion: Metric = {
  name: "insertion",
  description:
    "area below the probability while the most relevant pixels come first (Petsiuk 2018)",
  better: "higher",
  needsMask: false,
  variants: (subject, { steps, seed, blur }) =>
    changeMostRelevantFirst(subject, blurred(subject, blur), subject.pixels, { steps, seed }),
  value: (_, probabilities) => areaBelow(probabilities),
};
