/** @file The elementary (integral) controller, with torchdiffeq's settings: the next step is the one whose error would have been just right. */
import { power } from "../../base/power.ts";
import type { Controller, FactorLimits } from "./controller.ts";
import { factorLimits } from "./limits.ts";

/**
 * h_next = h * clamp(safety * error^(-1/order), minFactor, maxFactor), and no smaller than h after an accepted step
 * whose error is below 1 (Hairer, Norsett and Wanner I, equation II.4.13). Defaults 0.9, 0.2, 10.
 * Throws ArgumentError for limits that make no sense.
 */
export function iController(limits: FactorLimits = {}): Controller {
  const { safety, minFactor, maxFactor } = factorLimits("iController", limits, [
    "safety",
    "minFactor",
    "maxFactor",
  ]);
  return {
    name: "i",
    key: `i(${safety},${minFactor},${maxFactor})`,
    begin(order) {
      const exponent = 1 / order;
      return {
        smallestFactor: minFactor,
        reset() {},
        factor(error) {
          if (error === 0) return maxFactor;
          const least = error < 1 ? 1 : minFactor;
          return Math.min(maxFactor, Math.max(safety / power(error, exponent), least));
        },
      };
    },
  };
}
