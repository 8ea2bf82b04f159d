/**
 * @file The tableaus of explicit Runge-Kutta methods, with their sources. The tests prove each against its order conditions, the
 * continuous extension included.
 */
import { type RungeKuttaMethod, explicitRungeKutta } from "../runge-kutta.ts";
import {
  type Interpolant,
  type Tableau,
  type TableauCoefficients,
  hermiteInterpolant,
  quarticInterpolant,
  tableauOf,
} from "../tableau.ts";

function method(
  name: string,
  coefficients: TableauCoefficients,
  extension: (tableau: Tableau) => Interpolant = hermiteInterpolant,
): RungeKuttaMethod {
  const tableau = tableauOf(coefficients);
  return explicitRungeKutta(name, tableau, extension(tableau));
}

// Methods of fixed steps.

/** Euler's method (1768). */
export const euler: RungeKuttaMethod = method("euler", { order: 1, a: [[]], b: [1], c: [0] });

/** The explicit midpoint rule (Runge 1895). */
export const midpoint: RungeKuttaMethod = method("midpoint", {
  order: 2,
  a: [[], [1 / 2]],
  b: [0, 1],
  c: [0, 1 / 2],
});

/** The classical Runge-Kutta method (Kutta 1901). */
export const rk4: RungeKuttaMethod = method("rk4", {
  order: 4,
  a: [[], [1 / 2], [0, 1 / 2], [0, 0, 1]],
  b: [1 / 6, 1 / 3, 1 / 3, 1 / 6],
  c: [0, 1 / 2, 1 / 2, 1],
});

/** Kutta's 3/8 rule (1901), of smaller error constants than the classical method. torchdiffeq calls it "rk4". */
export const rk4ThreeEighths: RungeKuttaMethod = method("rk4_38", {
  order: 4,
  a: [[], [1 / 3], [-1 / 3, 1], [1, -1, 1]],
  b: [1 / 8, 3 / 8, 3 / 8, 1 / 8],
  c: [0, 1 / 3, 2 / 3, 1],
});

// Embedded pairs, which choose their steps.

/** Bogacki and Shampine's 3(2) pair, Applied Mathematics Letters 2 (1989), for loose tolerances. */
export const bosh3: RungeKuttaMethod = method("bosh3", {
  order: 3,
  a: [[], [1 / 2], [0, 3 / 4], [2 / 9, 1 / 3, 4 / 9]],
  b: [2 / 9, 1 / 3, 4 / 9, 0],
  c: [0, 1 / 2, 3 / 4, 1],
  embedded: { order: 2, b: [7 / 24, 1 / 4, 1 / 3, 1 / 8] },
});

/** Dormand and Prince's midpoint y(t + h/2), in the form of Shampine (1986). */
const dopri5Midpoint = [
  6025192743 / 30085553152 / 2,
  0,
  51252292925 / 65400821598 / 2,
  -2691868925 / 45128329728 / 2,
  187940372067 / 1594534317056 / 2,
  -1776094331 / 19743644256 / 2,
  11237099 / 235043384 / 2,
];

/**
 * Dormand and Prince's 5(4) pair, Journal of Computational and Applied Mathematics 6 (1980), with the embedded weights and the midpoint of
 * Shampine, Mathematics of Computation 46 (1986): the method that torchdiffeq calls "dopri5". Its error estimate is 2/3 of
 * the one in Hairer's DOPRI5, whose b^ differs.
 */
export const dopri5: RungeKuttaMethod = method(
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
  (tableau) => quarticInterpolant(tableau, 4, dopri5Midpoint),
);

const tsit5Weights = [
  0.09646076681806523, 0.01, 0.4798896504144996, 1.379008574103742, -3.290069515436081,
  2.324710524099774, 0,
];
/** b^ - b, as published. */
const tsit5Difference = [
  -0.00178001105222577714,
  -0.0008164344596567469,
  0.007880878010261995,
  -0.1447110071732629,
  0.5823571654525552,
  -0.45808210592918697,
  1 / 66,
];

/**
 * Tsitouras' 5(4) pair, Computers and Mathematics with Applications 62 (2011), section 4: about a tenth of dopri5's principal error at
 * the same cost. The paper gives decimals; b^ follows from its weights b - b^.
 */
export const tsit5: RungeKuttaMethod = method(
  "tsit5",
  {
    order: 5,
    a: [
      [],
      [0.161],
      [-0.008480655492356989, 0.335480655492357],
      [2.8971530571054935, -6.359448489975075, 4.3622954328695815],
      [5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525],
      [
        5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401,
        -0.028269050394068383,
      ],
      tsit5Weights.slice(0, 6),
    ],
    b: tsit5Weights,
    c: [0, 0.161, 0.327, 0.9, 0.9800255409045097, 1, 1],
    embedded: { order: 4, b: tsit5Weights.map((weight, j) => weight + tsit5Difference[j]!) },
  },
  () => ({
    order: 4,
    coefficients: [
      [1, -2.763706197274826, 2.9132554618219126, -1.0530884977290216],
      [0, 0.13169999999999998, -0.2234, 0.1017],
      [0, 3.9302962368947516, -5.941033872131505, 2.490627285651253],
      [0, -12.411077166933676, 30.33818863028232, -16.548102889244902],
      [0, 37.50931341651104, -88.1789048947664, 47.37952196281928],
      [0, -27.896526289197286, 65.09189467479366, -34.87065786149661],
      [0, 1.5, -4, 2.5],
    ],
  }),
);
