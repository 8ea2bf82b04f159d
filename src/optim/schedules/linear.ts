/** @file A straight line between two values. */
import { type Schedule, checkFinite, checkSteps } from "./schedule.ts";

/** From `from` at step 0 in a straight line to `to` at step `steps`, and `to` ever after. */
export function linear({
  from,
  to,
  steps,
}: {
  readonly from: number;
  readonly to: number;
  readonly steps: number;
}): Schedule {
  checkFinite("linear", { from, to });
  checkSteps("linear", steps);
  return (step) =>
    step
      .div(steps)
      .clip(0, 1)
      .mul(to - from)
      .add(from);
}
