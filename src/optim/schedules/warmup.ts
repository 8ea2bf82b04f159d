/** @file A gentle start before another schedule. */
import { checkOptions } from "../../base/options.ts";
import { where } from "../../ops/index.ts";
import { constant } from "./constant.ts";
import { type Rate, type Schedule, checkFinite, checkRate, checkSteps } from "./schedule.ts";

/**
 * From `from` (0 unless given) at step 0 in a straight line to the first value of `to` at step `steps`, and from there
 * on `to`, whose steps count from the end of the warm-up.
 */
export function warmup(options: {
  readonly steps: number;
  readonly from?: number;
  readonly to: Rate;
}): Schedule {
  checkOptions("warmup", options, ["steps", "from", "to"]);
  const { steps, from = 0, to } = options;
  checkFinite("warmup", { from });
  checkSteps("warmup", steps);
  checkRate("warmup: to", to);
  const schedule = typeof to === "number" ? constant(to) : to;
  return (step) => {
    const peak = schedule(step.mul(0));
    const rising = peak.sub(from).mul(step.div(steps)).add(from);
    return where(step.less(steps), rising, schedule(step.sub(steps).maximum(0)));
  };
}
