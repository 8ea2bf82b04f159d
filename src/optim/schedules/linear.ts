/** @file A straight line between two values. */
import { checkOptions } from "../../base/options.ts";
import { type Schedule, checkFinite, checkSteps } from "./schedule.ts";

/** From `from` at step 0 in a straight line to `to` at step `steps`, and `to` ever after. */
export function linear(options: {
  readonly from: number;
  readonly to: number;
  readonly steps: number;
}): Schedule {
  checkOptions("linear", options, ["from", "to", "steps"]);
  const { from, to, steps } = options;
  checkFinite("linear", { from, to });
  checkSteps("linear", steps);
  return (step) =>
    step
      .div(steps)
      .clip(0, 1)
      .mul(to - from)
      .add(from);
}
