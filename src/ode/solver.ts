/** @file What a solver is: a tableau, its interpolant, and names to choose it by. */
import type { Interpolant } from "./interpolant.ts";
import { type Tableau, type TableauCoefficients, makeTableau } from "./tableau.ts";

/** An explicit Runge-Kutta method. Adaptive where the tableau has an embedded solution, else of fixed steps. */
export interface Solver {
  readonly name: string;
  readonly tableau: Tableau;
  readonly interpolant: Interpolant;
}

/** A solver from its coefficients; both tableau and interpolant are checked (InternalError). */
export function defineSolver(
  name: string,
  coefficients: TableauCoefficients,
  interpolate: (name: string, tableau: Tableau) => Interpolant,
): Solver {
  const tableau = makeTableau(name, coefficients);
  return { name, tableau, interpolant: interpolate(name, tableau) };
}

/** Whether the solver estimates its error, and so can choose its steps. */
export function isAdaptive(solver: Solver): boolean {
  return solver.tableau.errorWeights !== undefined;
}
