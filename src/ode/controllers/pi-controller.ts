/** @file The proportional-integral controller: smoother step sizes and fewer rejections than the elementary one. */
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import { power } from "../../base/power.ts";
import type { Controller, FactorLimits } from "./controller.ts";
import { factorLimits } from "./limits.ts";

/** Settings of `piController`. */
export interface PiOptions extends FactorLimits {
  /** Weight of the previous error, at least 0; 0.4 / order unless given. DOPRI5 uses 0.04. */
  readonly beta?: number;
}

// The previous error counts as at least this (as in Hairer's DOPRI5), lest one very good step blow up the next.
const leastRemembered = 1e-4;

/**
 * h_next = h * clamp(safety * error^-(1/order - 3/4 beta) * previous^beta, minFactor, maxFactor), where `previous` is the
 * error of the last accepted step (Gustafsson 1991; Hairer and Wanner II, section IV.2, as in the code DOPRI5).
 * With the default beta = 0.4 / order this is Soederlind's PI.4.7 (exponents 0.7 / order and 0.4 / order).
 * After a rejection only the present error counts, and the step right after one does not grow.
 * `piController({ beta: 0.04 })` is DOPRI5's choice. Throws ArgumentError for settings that make no sense.
 */
export function piController(options: PiOptions = {}): Controller {
  const { safety, minFactor, maxFactor } = factorLimits("piController", options, [
    "beta",
    "safety",
    "minFactor",
    "maxFactor",
  ]);
  const { beta } = options;
  if (beta !== undefined && !(beta >= 0 && beta <= 0.5))
    throw new ArgumentError(complaint("piController", "beta in [0, 0.5]", describe(beta)));
  return {
    name: "pi",
    key: `pi(${beta ?? "0.4/order"},${safety},${minFactor},${maxFactor})`,
    begin(order) {
      const weight = beta ?? 0.4 / order;
      const exponent = 1 / order - 0.75 * weight;
      let previous = leastRemembered;
      let rejected = false;
      return {
        smallestFactor: minFactor,
        reset() {
          previous = leastRemembered;
          rejected = false;
        },
        factor(error, accepted) {
          const wanted = error === 0 ? maxFactor : safety / power(error, exponent);
          if (!accepted) {
            rejected = true;
            return Math.max(minFactor, wanted);
          }
          const most = rejected ? 1 : maxFactor;
          rejected = false;
          const factor = Math.min(most, Math.max(minFactor, wanted * power(previous, weight)));
          previous = Math.max(error, leastRemembered);
          return factor;
        },
      };
    },
  };
}
