// Addresses of the elements that places point to. Places are data: all are clamped to the image.
import type { Value } from "../../../../ir/graph.ts";
import type { FunctionBuilder, Local } from "../../asm/index.ts";
import { type Lanes, lanesOf, loadLanes } from "../lanes.ts";

export type Extents = readonly [batch: number, height: number, width: number, channels: number];

export const extentsOf = ({ shape }: Value): Extents => shape as readonly number[] as Extents;

export const floatsOf = ({ dtype }: Value): Lanes => lanesOf(dtype as "float32" | "float64");

/** Turns places of neighbouring channels into addresses. Make it before the loops. */
export class Addresses {
  readonly #fn: FunctionBuilder;
  readonly #lanes: Lanes;
  readonly #last: Local;
  readonly #pixel: Local;
  readonly #steps: Local;
  readonly #addresses: Local;

  constructor(fn: FunctionBuilder, lanes: Lanes, [, height, width, channels]: Extents) {
    const constant = (numbers: readonly number[]): Local => {
      const local = fn.local("v128");
      fn.v128({ i32x4: numbers });
      fn.set(local);
      return local;
    };
    this.#fn = fn;
    this.#lanes = lanes;
    this.#last = constant(Array<number>(4).fill(height * width - 1));
    this.#pixel = constant(Array<number>(4).fill((channels * lanes.bytes) | 0));
    this.#steps = constant([0, 1, 2, 3].map((lane) => lane * lanes.bytes));
    this.#addresses = fn.local("v128");
  }

  /** Finds the addresses that `width` places mean, of elements of the sample and channel at `base`. */
  find(places: Local, base: Local, width: number): void {
    const fn = this.#fn;
    // Places are as wide as floats, whatever the elements are.
    loadLanes(fn, lanesOf("float32"), places, 0, width);
    fn.v128({ i32x4: [0, 0, 0, 0] });
    fn.op("i32x4.max_s");
    fn.get(this.#last);
    fn.op("i32x4.min_s");
    fn.get(this.#pixel);
    fn.op("i32x4.mul");
    fn.get(this.#steps);
    fn.op("i32x4.add");
    fn.get(base);
    fn.op("i32x4.splat");
    fn.op("i32x4.add");
    fn.set(this.#addresses);
  }

  /** Leaves a lane's address. */
  push(lane: number): void {
    this.#fn.get(this.#addresses);
    this.#fn.lane("i32x4.extract_lane", lane);
  }

  /** Leaves the elements at the addresses of the first `width` lanes. */
  load(width: number): void {
    const fn = this.#fn;
    for (let lane = width - 1; lane > 0; lane--) this.push(lane);
    this.push(0);
    fn.load(this.#lanes.loadOne);
    for (let lane = 1; lane < width; lane++) fn.loadLane(this.#lanes.loadLane, lane);
  }
}
