/** @file A schedule: a linear warmup, then 1 / sqrt(step) (Vaswani et al. 2017, section 5.3, without the factor of the width). */
import { minimum } from "../../../src/index.ts";
import type { Schedule } from "../../../src/optim/index.ts";

export const inverseRoot =
  (warmup: number): Schedule =>
  (step) => {
    const count = step.add(1);
    return minimum(count.rsqrt(), count.mul(warmup ** -1.5));
  };
