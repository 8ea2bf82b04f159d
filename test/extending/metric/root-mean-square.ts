/** @file A metric that is no mean over samples: the root of the mean square, from a sum and a count. */
import { scalar, stack } from "../../../src/index.ts";
import { metrics } from "../../../src/nn/index.ts";

export const rootMeanSquare = metrics.counting(
  (output, target) => stack([output.sub(target).square().sum(), scalar(target.size)]),
  (counts) => counts.at(0).div(counts.at(1)).sqrt(),
);
