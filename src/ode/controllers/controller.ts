/** @file What a step size controller is: a rule from error estimates to factors for the next step. */

/** A rule for one integration. It may remember earlier steps. */
export interface StepSizeRule {
  /** Forgets earlier steps. */
  reset(): void;
  /** Factor from this step's size to the next one's. `error` is scaled, a step is accepted up to 1; finite and not negative. */
  factor(error: number, accepted: boolean): number;
  /** Factor after a step whose error estimate is not finite. */
  readonly smallestFactor: number;
}

/** Makes rules. */
export interface Controller {
  readonly name: string;
  /** Equal for controllers that behave the same. */
  readonly key: string;
  /** A rule for a method whose error estimate is O(h^order). */
  begin(order: number): StepSizeRule;
}

/** Settings that controllers share. */
export interface FactorLimits {
  /** Fraction of the step size that the error model asks for; in (0, 1]. */
  readonly safety?: number;
  /** Smallest factor from one step to the next; in (0, 1). */
  readonly minFactor?: number;
  /** Largest factor; above 1. */
  readonly maxFactor?: number;
}
