/** @file Schedules: numbers that depend on how many steps were made. */
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import type { Tensor } from "../../ir/tensor.ts";

/**
 * From the number of steps made before (a float64 scalar, 0 at the first) to a float64 scalar. The count is part of the compiled
 * training step, so that nothing is compiled anew while it runs: use tensor operations and `where`, not `if`.
 */
export type Schedule = (step: Tensor) => Tensor;

/** A fixed number, or a schedule. */
export type Rate = number | Schedule;

/** The number, or the schedule's value, at a step. */
export function rateAt(rate: Rate, step: Tensor): number | Tensor {
  return typeof rate === "number" ? rate : rate(step.cast("float64"));
}

/** Throws ArgumentError unless the rate is a finite number of at least 0, or a function. */
export function checkRate(who: string, rate: Rate): void {
  if (typeof rate !== "function" && !(typeof rate === "number" && rate >= 0 && rate < Infinity))
    throw new ArgumentError(
      complaint(who, "a finite number of at least 0, or a schedule", describe(rate)),
    );
}

/** Throws ArgumentError unless all values are finite numbers. */
export function checkFinite(who: string, values: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(values))
    if (!Number.isFinite(value))
      throw new ArgumentError(complaint(`${who}: ${name}`, "a finite number", describe(value)));
}

/** Throws ArgumentError unless `steps` is a positive integer. */
export function checkSteps(who: string, steps: number): void {
  if (!Number.isInteger(steps) || steps < 1)
    throw new ArgumentError(complaint(`${who}: steps`, "a positive integer", describe(steps)));
}
