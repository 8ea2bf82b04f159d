/** @file What is left of a class' probability when only the relevant part of the picture is shown (Chattopadhay et al. 2018, Grad-CAM++, section 4.1). */
import type { Metric, Variants } from "./metric.ts";
import type { Case } from "./subject.ts";

/** The picture times the map, scaled to 0 to 1: E = L o I. */
function shownByRelevance({ map, channels }: Case): Variants {
  let [least, most] = [Infinity, -Infinity];
  for (const value of map) [least, most] = [Math.min(least, value), Math.max(most, value)];
  const scale = most > least ? 1 / (most - least) : 0;
  return {
    count: 1,
    write(_, pixels) {
      for (let at = 0; at < pixels.length; at++)
        pixels[at]! *= (map[Math.floor(at / channels)]! - least) * scale;
    },
  };
}

/** max(0, Y - O) / Y: the share of its probability Y that the class loses. Its mean in per cent is the paper's average drop. */
export const averageDrop: Metric = {
  name: "averageDrop",
  description:
    "share of the probability lost when only what is relevant is shown (Chattopadhay 2018)",
  better: "lower",
  needsMask: false,
  variants: shownByRelevance,
  value: (_, [shown], original) => (original > 0 ? Math.max(0, original - shown!) / original : 0),
};

/** Whether the class is more probable when only what is relevant is shown: 1 or 0. Its mean is the paper's increase in confidence. */
export const averageIncrease: Metric = {
  name: "averageIncrease",
  description:
    "how often the probability grows when only what is relevant is shown (Chattopadhay 2018)",
  better: "higher",
  needsMask: false,
  variants: shownByRelevance,
  value: (_, [shown], original) => (shown! > original ? 1 : 0),
};
