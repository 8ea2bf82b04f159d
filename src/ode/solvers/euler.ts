/** @file Euler's method (1768): order 1, fixed steps. */
import { hermiteInterpolant } from "../interpolant.ts";
import { type Solver, defineSolver } from "../solver.ts";

export const euler: Solver = defineSolver(
  "euler",
  { order: 1, a: [[]], b: [1], c: [0] },
  hermiteInterpolant,
);
