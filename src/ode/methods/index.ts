/** @file Methods by name. A new method is one file (or one tableau) and one line here. */
import type { Method } from "../stepper.ts";
import { stormerVerlet } from "./stormer-verlet.ts";
import { bosh3, dopri5, euler, midpoint, rk4, rk4ThreeEighths, tsit5 } from "./tableaus.ts";

const all: readonly Method[] = [
  euler,
  midpoint,
  rk4,
  rk4ThreeEighths,
  bosh3,
  dopri5,
  tsit5,
  stormerVerlet,
];

/** Every method, under the name that the option `method` takes. */
export const methods: Readonly<Record<string, Method>> = Object.fromEntries(
  all.map((method) => [method.name, method]),
);
