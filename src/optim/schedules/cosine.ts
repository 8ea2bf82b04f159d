/** @file Half a cosine wave from one value down to another. */
import { checkOptions } from "../../base/options.ts";
import { type Schedule, checkFinite, checkSteps } from "./schedule.ts";

/**
 * to + (from - to) (1 + cos(π step / steps)) / 2, and `to` (0 unless given) from step `steps` on
 * (Loshchilov and Hutter 2016, eq. 5, without restarts).
 */
export function cosine(options: {
  readonly from: number;
  readonly to?: number;
  readonly steps: number;
}): Schedule {
  checkOptions("cosine", options, ["from", "to", "steps"]);
  const { from, to = 0, steps } = options;
  checkFinite("cosine", { from, to });
  checkSteps("cosine", steps);
  return (step) =>
    step
      .div(steps)
      .clip(0, 1)
      .mul(Math.PI)
      .cos()
      .add(1)
      .mul((from - to) / 2)
      .add(to);
}
