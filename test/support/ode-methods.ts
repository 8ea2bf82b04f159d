// The methods of the registry that have a tableau: they solve every field, and their order conditions can be checked.
import { methods } from "../../src/ode/methods/index.ts";
import type { RungeKuttaMethod } from "../../src/ode/runge-kutta.ts";

export const rungeKuttaMethods: ReadonlyMap<string, RungeKuttaMethod> = new Map(
  Object.entries(methods).filter(
    (entry): entry is [string, RungeKuttaMethod] => "tableau" in entry[1],
  ),
);
