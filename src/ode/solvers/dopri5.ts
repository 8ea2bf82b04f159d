/**
 * @file Dormand and Prince's 5(4) pair, Journal of Computational and Applied Mathematics 6 (1980), with the embedded
 * weights and the midpoint of Shampine, Mathematics of Computation 46 (1986): the method torchdiffeq calls "dopri5".
 * Its error estimate is 2/3 of the one in Hairer's DOPRI5, whose b^ differs.
 */
import { quarticInterpolant } from "../interpolant.ts";
import { type Solver, defineSolver } from "../solver.ts";

const midpoint = [
  6025192743 / 30085553152 / 2,
  0,
  51252292925 / 65400821598 / 2,
  -2691868925 / 45128329728 / 2,
  187940372067 / 1594534317056 / 2,
  -1776094331 / 19743644256 / 2,
  11237099 / 235043384 / 2,
];

export const dopri5: Solver = defineSolver(
  "dopri5",
  {
    order: 5,
    a: [
      [],
      [1 / 5],
      [3 / 40, 9 / 40],
      [44 / 45, -56 / 15, 32 / 9],
      [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
      [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
      [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
    ],
    b: [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84, 0],
    c: [0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1],
    embedded: {
      order: 4,
      b: [1951 / 21600, 0, 22642 / 50085, 451 / 720, -12231 / 42400, 649 / 6300, 1 / 60],
    },
  },
  (name, tableau) => quarticInterpolant(name, tableau, 4, midpoint),
);
