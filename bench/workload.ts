// What a workload is: one file of this folder that yields its measurements.

import type { Measurement } from "./measure.ts";

export interface Options {
  /** The peers' spiral.json; without it, data of the same kind is made from a seed. */
  readonly data?: string;
  /** A part of the names of the layers that workload G takes; all unless given. */
  readonly only?: string;
}

export type Workload = (options: Options) => Iterable<Measurement>;
