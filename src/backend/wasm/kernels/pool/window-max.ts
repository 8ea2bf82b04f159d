// The largest elements of windows, and where they are, in registers: updated element by element in row-major order.
import type { FunctionBuilder, Local } from "../../asm/index.ts";
import { type Lanes, storeLanes } from "../lanes.ts";

/** What is looked for: the largest elements, or the places of the first of them. */
export type Wanted = "values" | "places";

/** The champions so far of one window, for a vector of channels. */
interface Champion {
  readonly value: Local;
  /** For places, as many bits as the elements have: those of double width hold theirs twice. */
  readonly place: Local | undefined;
}

/** Neighbouring windows' maxima, for a few vectors of channels. */
export class WindowMax {
  readonly #fn: FunctionBuilder;
  readonly #lanes: Lanes;
  /** By vector and output. */
  readonly #champions: readonly (readonly Champion[])[];
  /** By vector: the sum of all elements, NaN if one of them is. */
  readonly #sums: readonly Local[];

  constructor(fn: FunctionBuilder, lanes: Lanes, wanted: Wanted, vectors: number, outputs: number) {
    this.#fn = fn;
    this.#lanes = lanes;
    this.#champions = Array.from({ length: vectors }, () =>
      Array.from({ length: outputs }, () => ({
        value: fn.local("v128"),
        place: wanted === "places" ? fn.local("v128") : undefined,
      })),
    );
    this.#sums = this.#champions.map(() => fn.local("v128"));
  }

  /** Forgets all elements. Windows of -Infinity only find their maximum at the place of `first(output)`, left on the stack. */
  start(first: (output: number) => void): void {
    const fn = this.#fn;
    for (const sum of this.#sums) {
      fn.v128({ i32x4: [0, 0, 0, 0] });
      fn.set(sum);
    }
    this.#champions.forEach((outputs, v) =>
      outputs.forEach(({ value, place }, output) => {
        if (this.#lanes.count === 4) fn.v128({ f32x4: Array<number>(4).fill(-Infinity) });
        else fn.v128({ f64x2: [-Infinity, -Infinity] });
        fn.set(value);
        if (place === undefined) return;
        if (v > 0) fn.get(this.#champions[0]![output]!.place!);
        else {
          first(output);
          fn.op("i32x4.splat");
        }
        fn.set(place);
      }),
    );
  }

  /**
   * Takes an element of the windows `outputs`, at a place above all before in them: the first of equal ones stays champion.
   * Only `exact` keeps NaN, which beats every number and is beaten by none; else it is noticed (`foundNaN`).
   */
  take(
    element: Local,
    v: number,
    outputs: readonly number[],
    place: Local | undefined,
    exact: boolean,
  ): void {
    const fn = this.#fn;
    const { shape } = this.#lanes;
    if (!exact) {
      fn.get(this.#sums[v]!);
      fn.get(element);
      fn.op(`${shape}.add`);
      fn.set(this.#sums[v]!);
    }
    for (const output of outputs) {
      const champion = this.#champions[v]![output]!;
      if (champion.place !== undefined) {
        // Places ascend: the new one, or the old where the mask is zero.
        this.#beats(element, champion.value, exact);
        fn.get(place!);
        fn.op("v128.and");
        fn.get(champion.place);
        fn.op("i32x4.max_s");
        fn.set(champion.place);
      }
      if (exact) {
        fn.get(element);
        fn.get(champion.value);
        this.#beats(element, champion.value, true);
        fn.op("v128.bitselect");
      } else {
        fn.get(champion.value);
        fn.get(element);
        fn.op(`${shape}.pmax`);
      }
      fn.set(champion.value);
    }
  }

  #beats(element: Local, champion: Local, exact: boolean): void {
    const fn = this.#fn;
    const { shape } = this.#lanes;
    fn.get(champion);
    fn.get(exact ? champion : element);
    fn.op(exact ? `${shape}.eq` : `${shape}.lt`);
    if (!exact) return;
    // And the element is not at most the champion: it is above, or NaN.
    fn.get(element);
    fn.get(champion);
    fn.op(`${shape}.le`);
    fn.op("v128.andnot");
  }

  /** Leaves an i32 that is not zero if an element was NaN (or there were infinities of both signs). */
  foundNaN(): void {
    const fn = this.#fn;
    const { shape } = this.#lanes;
    const [sum, ...others] = this.#sums as [Local, ...Local[]];
    for (const other of others) {
      fn.get(sum);
      fn.get(other);
      fn.op(`${shape}.add`);
      fn.set(sum);
    }
    fn.get(sum);
    fn.get(sum);
    fn.op(`${shape}.ne`);
    fn.op("v128.any_true");
  }

  /** Stores `widths[v]` lanes of each; outputs are `pixel` bytes apart. */
  store(at: Local, pixel: number, widths: readonly number[]): void {
    const fn = this.#fn;
    const lanes = this.#lanes;
    this.#champions.forEach((outputs, v) =>
      outputs.forEach(({ value, place }, output) => {
        if (place === undefined)
          return storeLanes(fn, lanes, at, output * pixel + 16 * v, widths[v]!, value);
        const offset = output * pixel + 4 * lanes.count * v;
        if (lanes.count === 4) return storeLanes(fn, lanes, at, offset, widths[v]!, place);
        fn.get(at);
        fn.get(place);
        if (widths[v] === 1) return fn.storeLane("v128.store32_lane", 0, offset);
        fn.get(place);
        fn.shuffle([0, 1, 2, 3, 8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11]);
        fn.storeLane("v128.store64_lane", 0, offset, 4);
      }),
    );
  }
}
