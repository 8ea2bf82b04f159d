/** @file Exponential decay, smooth or in stairs. */
import { checkOptions } from "../../base/options.ts";
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import { scalar } from "../../ops/index.ts";
import { type Schedule, checkFinite, checkSteps } from "./schedule.ts";

/** Options of `exponential`. */
export interface ExponentialOptions {
  readonly from: number;
  /** Factor for each `steps` steps. */
  readonly rate: number;
  /** 1 unless given. */
  readonly steps?: number;
  /** Whether the factor applies all at once at the end of each `steps` steps: false unless given. */
  readonly staircase?: boolean;
}

/** from · rate^(step / steps). */
export function exponential(options: ExponentialOptions): Schedule {
  checkOptions("exponential", options, ["from", "rate", "steps", "staircase"]);
  const { from, rate, steps = 1, staircase = false } = options;
  checkFinite("exponential", { from, rate });
  checkSteps("exponential", steps);
  if (!(rate > 0))
    throw new ArgumentError(complaint("exponential: rate", "a positive number", describe(rate)));
  return (step) => {
    const turns = step.div(steps);
    // The library's own logarithm: Math.log may differ between engines.
    const growth = scalar(rate, { dtype: "float64" }).log();
    return (staircase ? turns.floor() : turns).mul(growth).exp().mul(from);
  };
}
