/** @file The schedule that never changes. */
import { scalar } from "../../ops/index.ts";
import { type Schedule, checkFinite } from "./schedule.ts";

/** `value` at every step. */
export function constant(value: number): Schedule {
  checkFinite("constant", { value });
  return () => scalar(value, { dtype: "float64" });
}
