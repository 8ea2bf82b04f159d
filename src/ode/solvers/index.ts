/** @file Solvers by name. A new solver is one file and one line here. */
import type { Solver } from "../solver.ts";
import { bosh3 } from "./bosh3.ts";
import { dopri5 } from "./dopri5.ts";
import { euler } from "./euler.ts";
import { midpoint } from "./midpoint.ts";
import { rk4ThreeEighths } from "./rk4-38.ts";
import { rk4 } from "./rk4.ts";
import { tsit5 } from "./tsit5.ts";

const all: readonly Solver[] = [euler, midpoint, rk4, rk4ThreeEighths, bosh3, dopri5, tsit5];

/** Every solver, under the name that `method` takes. */
export const solvers: ReadonlyMap<string, Solver> = new Map(
  all.map((solver) => [solver.name, solver]),
);
