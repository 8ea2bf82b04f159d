/** @file Kutta's 3/8 rule (1901): order 4, fixed steps, smaller error constants than the classical method. torchdiffeq calls it "rk4". */
import { hermiteInterpolant } from "../interpolant.ts";
import { type Solver, defineSolver } from "../solver.ts";

export const rk4ThreeEighths: Solver = defineSolver(
  "rk4_38",
  {
    order: 4,
    a: [[], [1 / 3], [-1 / 3, 1], [1, -1, 1]],
    b: [1 / 8, 3 / 8, 3 / 8, 1 / 8],
    c: [0, 1 / 3, 2 / 3, 1],
  },
  hermiteInterpolant,
);
