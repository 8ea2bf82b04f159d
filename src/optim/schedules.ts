/** @file Schedules: numbers that depend on how many steps were made. Each throws ArgumentError for options out of range. */
import { ArgumentError, complaint } from "../base/errors.ts";
import { count, finite, finitePositive, flag, listOf } from "../base/kinds.ts";
import { type OptionsOf, optional, required, schema } from "../base/options.ts";
import { scalar, where } from "../ops/index.ts";
import { type Schedule, rate } from "./transformation.ts";

const from = required(finite, "The value at step 0.");
const steps = required(count, "The step at which the last value is reached.");

/** `value` at every step. */
export function constant(value: number): Schedule {
  finite.read("constant: value", value, ArgumentError);
  return () => scalar(value, { dtype: "float64" });
}

const linearSchema = schema({ from, to: required(finite, "The value in the end."), steps });

/** From `from` at step 0 in a straight line to `to` at step `steps`, and `to` ever after. */
export function linear(options: OptionsOf<typeof linearSchema.spec>): Schedule {
  const { from: start, to, steps: last } = linearSchema.read("linear", options);
  return (step) =>
    step
      .div(last)
      .clip(0, 1)
      .mul(to - start)
      .add(start);
}

const cosineSchema = schema({ from, to: optional(finite, 0, "The value in the end."), steps });

/** to + (from - to) (1 + cos(π step / steps)) / 2, and `to` from step `steps` on (Loshchilov and Hutter 2016, eq. 5, one cycle). */
export function cosine(options: OptionsOf<typeof cosineSchema.spec>): Schedule {
  const { from: start, to, steps: last } = cosineSchema.read("cosine", options);
  return (step) =>
    step
      .div(last)
      .clip(0, 1)
      .mul(Math.PI)
      .cos()
      .add(1)
      .mul((start - to) / 2)
      .add(to);
}

const exponentialSchema = schema({
  from,
  rate: required(finitePositive, "The factor for each `steps` steps."),
  steps: optional(count, 1, "The number of steps that the factor is for."),
  staircase: optional(flag, false, "Whether the factor applies all at once, every `steps` steps."),
});

/** Options of `exponential`. */
export type ExponentialOptions = OptionsOf<typeof exponentialSchema.spec>;

/** from · rate^(step / steps). */
export function exponential(options: ExponentialOptions): Schedule {
  const given = exponentialSchema.read("exponential", options);
  return (step) => {
    const turns = step.div(given.steps);
    // The library's own logarithm: Math.log may differ between engines.
    const growth = scalar(given.rate, { dtype: "float64" }).log();
    return (given.staircase ? turns.floor() : turns).mul(growth).exp().mul(given.from);
  };
}

const piecewiseSchema = schema({
  boundaries: required(listOf(finite), "The steps at which the value changes, rising."),
  values: required(listOf(finite), "The values: one more than boundaries."),
});

/**
 * values[i] for steps below boundaries[i], the last value from the last boundary on. Throws ArgumentError unless boundaries
 * rise and there is one value more than boundaries.
 */
export function piecewise(options: OptionsOf<typeof piecewiseSchema.spec>): Schedule {
  const { boundaries, values } = piecewiseSchema.read("piecewise", options);
  const expected = boundaries.length + 1;
  if (values.length !== expected)
    throw new ArgumentError(
      complaint(
        "piecewise",
        `${expected} values for ${boundaries.length} boundaries`,
        `${values.length}`,
      ),
    );
  if (!boundaries.every((boundary, index) => boundary > (boundaries[index - 1] ?? -Infinity)))
    throw new ArgumentError(
      complaint("piecewise: boundaries", "rising step numbers", `[${boundaries.join(", ")}]`),
    );
  return (step) =>
    boundaries.reduceRight(
      (later, boundary, index) => where(step.less(boundary), values[index]!, later),
      scalar(values.at(-1)!, { dtype: "float64" }),
    );
}

const warmupSchema = schema({
  steps: required(count, "The number of steps until the first value of `to` is reached."),
  from: optional(finite, 0, "The value at step 0."),
  to: required(rate, "What follows: a number, or a schedule whose steps count from there."),
});

/** From `from` at step 0 in a straight line to the first value of `to` at step `steps`, and `to` from there on. */
export function warmup(options: OptionsOf<typeof warmupSchema.spec>): Schedule {
  const { steps: gentle, from: start, to } = warmupSchema.read("warmup", options);
  const schedule = typeof to === "number" ? constant(to) : to;
  return (step) => {
    const peak = schedule(step.mul(0));
    const rising = peak.sub(start).mul(step.div(gentle)).add(start);
    return where(step.less(gentle), rising, schedule(step.sub(gentle).maximum(0)));
  };
}
