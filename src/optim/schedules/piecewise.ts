/** @file Values that change at given steps. */
import { checkOptions } from "../../base/options.ts";
import { ArgumentError, complaint } from "../../base/errors.ts";
import { scalar, where } from "../../ops/index.ts";
import { type Schedule, checkFinite } from "./schedule.ts";

/** values[i] for steps below boundaries[i], the last value from the last boundary on: one value more than boundaries. */
export function piecewise(options: {
  readonly boundaries: readonly number[];
  readonly values: readonly number[];
}): Schedule {
  checkOptions("piecewise", options, ["boundaries", "values"]);
  const { boundaries, values } = options;
  checkFinite("piecewise: values", Object.fromEntries(values.entries()));
  if (values.length !== boundaries.length + 1)
    throw new ArgumentError(
      complaint(
        "piecewise",
        `${boundaries.length + 1} values for ${boundaries.length} boundaries`,
        String(values.length),
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
