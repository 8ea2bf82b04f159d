/** @file Bogacki and Shampine's 3(2) pair, Applied Mathematics Letters 2 (1989): adaptive, for loose tolerances. */
import { hermiteInterpolant } from "../interpolant.ts";
import { type Solver, defineSolver } from "../solver.ts";

export const bosh3: Solver = defineSolver(
  "bosh3",
  {
    order: 3,
    a: [[], [1 / 2], [0, 3 / 4], [2 / 9, 1 / 3, 4 / 9]],
    b: [2 / 9, 1 / 3, 4 / 9, 0],
    c: [0, 1 / 2, 3 / 4, 1],
    embedded: { order: 2, b: [7 / 24, 1 / 4, 1 / 3, 1 / 8] },
  },
  hermiteInterpolant,
);
