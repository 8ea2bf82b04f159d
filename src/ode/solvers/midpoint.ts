/** @file The explicit midpoint rule (Runge 1895): order 2, fixed steps. */
import { hermiteInterpolant } from "../interpolant.ts";
import { type Solver, defineSolver } from "../solver.ts";

export const midpoint: Solver = defineSolver(
  "midpoint",
  { order: 2, a: [[], [1 / 2]], b: [0, 1], c: [0, 1 / 2] },
  hermiteInterpolant,
);
