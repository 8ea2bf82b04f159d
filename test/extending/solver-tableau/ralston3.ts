/** @file A solver from a tableau: Ralston's method of order 3 (Ralston 1962, "Runge-Kutta methods with minimum error bounds"). */
import { rungeKutta } from "../../../src/ode/index.ts";

export const ralston3 = rungeKutta({
  name: "ralston3",
  order: 3,
  a: [[], [1 / 2], [0, 3 / 4]],
  b: [2 / 9, 1 / 3, 4 / 9],
});
