/** @file The classical Runge-Kutta method (Kutta 1901): order 4, fixed steps. */
import { hermiteInterpolant } from "../interpolant.ts";
import { type Solver, defineSolver } from "../solver.ts";

export const rk4: Solver = defineSolver(
  "rk4",
  {
    order: 4,
    a: [[], [1 / 2], [0, 1 / 2], [0, 0, 1]],
    b: [1 / 6, 1 / 3, 1 / 3, 1 / 6],
    c: [0, 1 / 2, 1 / 2, 1],
  },
  hermiteInterpolant,
);
