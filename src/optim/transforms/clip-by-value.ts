/** @file Gradients limited element by element. */
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import { type Transformation, stateless } from "../transformation.ts";

/** Every element limited to [-limit, limit]. NaN stays NaN. */
export function clipByValue(limit: number): Transformation {
  if (!(limit > 0))
    throw new ArgumentError(complaint("clipByValue", "a positive limit", describe(limit)));
  return stateless("clipByValue", (update) => update.clip(-limit, limit));
}
