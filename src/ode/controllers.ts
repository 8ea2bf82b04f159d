/** @file Step size controllers: rules that turn error estimates into factors for the next step. */
import { between, kind, nameOr } from "../base/kinds.ts";
import { type Kind, type OptionsOf, optional, schema } from "../base/options.ts";
import { power } from "../base/power.ts";

/** A rule for one integration. It may remember earlier steps. */
export interface StepSizeRule {
  /** Forgets earlier steps. */
  reset(): void;
  /**
   * The factor from this step's size to the next one's: positive. `error` is scaled, finite and not negative; a step is accepted
   * up to 1.
   */
  factor(error: number, accepted: boolean): number;
  /** The factor after a step whose error estimate is not finite. */
  readonly smallestFactor: number;
}

/** Makes rules: `iController`, `piController`, or an object of a user's own. */
export interface Controller {
  /** Equal for controllers that behave the same, which then share compiled programs. Without one, a controller is like itself alone. */
  readonly key?: unknown;
  /** A rule for a method whose error estimate is O(h^order). */
  begin(order: number): StepSizeRule;
}

const above = (low: number): Kind<number> =>
  kind(
    `a finite number above ${low}`,
    (value) => typeof value === "number" && value > low && value < Infinity,
  );
const inside = (low: number, high: number, closed: boolean): Kind<number> =>
  kind(
    `a number in (${low}, ${high}${closed ? "]" : ")"}`,
    (value) => typeof value === "number" && value > low && (closed ? value <= high : value < high),
  );

const limitsSpec = {
  safety: optional(
    inside(0, 1, true),
    0.9,
    "fraction of the step size that the error model asks for",
  ),
  minFactor: optional(inside(0, 1, false), 0.2, "smallest factor from one step to the next"),
  maxFactor: optional(above(1), 10, "largest factor from one step to the next"),
};
const iSchema = schema(limitsSpec);
const piSchema = schema({
  beta: optional(
    between(0, 0.5),
    undefined,
    "weight of the previous error; 0.4 / order unless given; DOPRI5 uses 0.04",
  ),
  ...limitsSpec,
});

/** Settings of `iController`: limits of the factor from one step size to the next, without units. */
export type FactorLimits = OptionsOf<typeof limitsSpec>;
/** Settings of `piController`: those of `iController`, and the weight `beta` of the previous error. */
export type PiOptions = OptionsOf<(typeof piSchema)["spec"]>;

/**
 * The elementary (integral) controller: h_next = h * clamp(safety * error^(-1/order), minFactor, maxFactor), and no smaller than h
 * after an accepted step whose error is below 1 (Hairer, Norsett and Wanner I, equation II.4.13). The defaults are torchdiffeq's.
 * Throws ArgumentError for limits that make no sense.
 */
export function iController(limits: FactorLimits = {}): Controller {
  const { safety, minFactor, maxFactor } = iSchema.read("iController", limits);
  return {
    key: ["i", safety, minFactor, maxFactor],
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

// The previous error counts as at least this (as in Hairer's DOPRI5), lest one very good step blow up the next.
const leastRemembered = 1e-4;

/**
 * The proportional-integral controller: h_next = h * clamp(safety * error^-(1/order - 3/4 beta) * previous^beta, minFactor, maxFactor),
 * where `previous` is the error of the last accepted step (Gustafsson 1991; Hairer and Wanner II, section IV.2, as in the code
 * DOPRI5). With the default beta = 0.4 / order this is Soederlind's PI.4.7 (exponents 0.7 / order and 0.4 / order). After a rejection only
 * the present error counts, and the step right after one does not grow. `piController({ beta: 0.04 })` is DOPRI5's choice.
 * Throws ArgumentError for settings that make no sense.
 */
export function piController(options: PiOptions = {}): Controller {
  const { beta, safety, minFactor, maxFactor } = piSchema.read("piController", options);
  return {
    key: ["pi", beta, safety, minFactor, maxFactor],
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

/** Makes each controller with its default settings, under the name that `controller` takes. */
export const controllers: Readonly<Record<string, () => Controller>> = {
  i: iController,
  pi: piController,
};

/** A controller by name, or one that was made. */
export const controllerKind: Kind<string | Controller, Controller> = nameOr(
  Object.fromEntries(Object.entries(controllers).map(([name, make]) => [name, make()])),
  "a controller",
  (given) => typeof (given as Partial<Controller> | null)?.begin === "function",
);
