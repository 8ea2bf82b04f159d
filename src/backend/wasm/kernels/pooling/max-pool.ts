/**
 * @file maxPool and maxPoolIndices: vectors over channels, and tiles of neighbouring windows that share what they load.
 */
import type { Value } from "../../../../ir/graph.ts";
import type { FunctionBuilder, Local } from "../../asm/index.ts";
import type { PhasedEmitter } from "../../emit.ts";
import { addScaled, copyOf, forRange, repeat, advance, pointAt, pointerTo } from "../flow.ts";
import { type DirectWork, paramsOf } from "../primitives.ts";
import { type Lanes, lanesOf, loadLanes, vectorWidths, storeLanes } from "../lanes.ts";
import {
  type Clip,
  clip,
  type Column,
  forRows,
  forVectors,
  rowChunks,
  type SlidingAxis,
  tileRuns,
  times,
} from "../sliding.ts";

/** Windows whose champions are held in registers at once: more where neighbours share what they load. */
const windowsAtOnce = ({ stride }: SlidingAxis): number => (stride === 1 ? 4 : 2);
/** Windows with more columns than this are walked through element by element, as code written out for them would be long. */
const mostColumns = 8;
/** Kinds of tiles that code is written out for. */
const mostRuns = 16;

/** The emitter for one of the two. Every window has an element inside the image. NaN wins; of equal elements the first one. */
export function maxPoolEmitter(wanted: Wanted): PhasedEmitter<DirectWork> {
  return (context, work) => {
    const x = work.node.inputs[0]!;
    const [batch, height, width, channels] = x.shape as [number, number, number, number];
    const [, outHeight, outWidth] = work.node.outputs[0]!.shape as [number, number, number, number];
    if (batch * outHeight * outWidth * channels === 0) return;
    const { window, strides, padding } = paramsOf<"maxPool" | "maxPoolIndices">(work);
    const axis = (along: 0 | 1, extent: number, count: number): SlidingAxis => ({
      extent,
      count,
      window: window[along],
      stride: strides[along],
      dilation: 1,
      before: padding[along][0],
    });
    const axes = { rows: axis(0, height, outHeight), columns: axis(1, width, outWidth) };
    const lanes = lanesOf(x.dtype as "float32" | "float64");
    // About two nanoseconds a vector for loads and stores, and one for every two or three elements.
    const each = 2 + window[0] * window[1] * (wanted === "values" ? 0.3 : 0.6);
    const cost = outWidth * Math.ceil(channels / lanes.count) * each;
    const chunks = rowChunks(batch * outHeight, cost);
    context.phase(chunks.count, ({ fn, chunk }) => {
      const from = pointerTo(context, fn, work.inputs[0] as Value);
      const to = pointerTo(context, fn, work.out);
      const emitter = new MaxPool(fn, lanes, wanted, axes, channels);
      forRows(fn, chunk, chunks, outHeight, (sample, row, index) =>
        emitter.row(from, to, sample, row, index),
      );
    });
  };
}

/** Neighbouring windows, and the columns that they see. */
interface Tile {
  readonly width: number;
  readonly columns: readonly Column[];
}

class MaxPool {
  readonly #fn: FunctionBuilder;
  readonly #lanes: Lanes;
  readonly #wanted: Wanted;
  readonly #rows: SlidingAxis;
  readonly #columns: SlidingAxis;
  readonly #channels: number;
  /** Bytes of a pixel of the input and of the output. */
  readonly #pixel: number;
  readonly #outPixel: number;

  constructor(
    fn: FunctionBuilder,
    lanes: Lanes,
    wanted: Wanted,
    axes: { readonly rows: SlidingAxis; readonly columns: SlidingAxis },
    channels: number,
  ) {
    this.#fn = fn;
    this.#lanes = lanes;
    this.#wanted = wanted;
    this.#rows = axes.rows;
    this.#columns = axes.columns;
    this.#channels = channels;
    this.#pixel = channels * lanes.bytes;
    this.#outPixel = wanted === "values" ? this.#pixel : channels * 4;
  }

  /** One row of windows, the `index`-th of all. */
  row(x: Local, out: Local, sample: Local, row: Local, index: Local): void {
    const fn = this.#fn;
    const columns = this.#columns;
    const line = columns.extent * this.#pixel;
    const inside = clip(fn, this.#rows, row);
    const from = copyOf(fn, x);
    addScaled(fn, from, sample, this.#rows.extent * line);
    addScaled(fn, from, inside.start, line);
    const to = copyOf(fn, out);
    addScaled(fn, to, index, columns.count * this.#outPixel);
    const place = copyOf(fn, 0);
    addScaled(fn, place, inside.start, columns.extent);

    const runs = tileRuns(columns, windowsAtOnce(columns));
    if (columns.window > mostColumns || runs.length > mostRuns)
      return this.#oneByOne(from, to, place, inside);
    const [tileFrom, tileTo, tilePlace] = [fn.local("i32"), fn.local("i32"), fn.local("i32")];
    for (const run of runs) {
      for (const [pointer, base, bytes] of [
        [tileFrom, from, run.start * this.#pixel],
        [tileTo, to, run.first * this.#outPixel],
        [tilePlace, place, run.start],
      ] as const) {
        pointAt(fn, pointer, base);
        advance(fn, pointer, bytes);
      }
      repeat(fn, run.repeats, () => {
        this.#tile(tileFrom, tileTo, tilePlace, inside, run);
        advance(fn, tileFrom, run.width * columns.stride * this.#pixel);
        advance(fn, tileTo, run.width * this.#outPixel);
        advance(fn, tilePlace, run.width * columns.stride);
      });
    }
  }

  /** A row of windows one after another, their columns clipped as the kernel runs. */
  #oneByOne(from: Local, to: Local, place: Local, rows: Clip): void {
    const fn = this.#fn;
    const window = copyOf(fn, 0);
    const [windowFrom, windowPlace] = [fn.local("i32"), fn.local("i32")];
    forRange(fn, window, this.#columns.count, 1, () => {
      const inside = clip(fn, this.#columns, window);
      pointAt(fn, windowFrom, from);
      addScaled(fn, windowFrom, inside.start, this.#pixel);
      pointAt(fn, windowPlace, place);
      addScaled(fn, windowPlace, inside.start, 1);
      const tile: Tile = { width: 1, columns: [{ at: 0, uses: [{ output: 0, tap: 0 }] }] };
      this.#tile(windowFrom, to, windowPlace, rows, tile, inside.count);
      advance(fn, to, this.#outPixel);
    });
  }

  /** Windows of one row, all their channels. With `count`, `tile` gives one column, which is repeated `count` times per row. */
  #tile(from: Local, to: Local, place: Local, rows: Clip, tile: Tile, count?: Local): void {
    const fn = this.#fn;
    const [x, at] = [copyOf(fn, from), copyOf(fn, to)];
    const body = (elements: number): void => {
      const widths = vectorWidths(this.#lanes, elements);
      const max = new WindowMax(fn, this.#lanes, this.#wanted, widths.length, tile.width);
      this.#maxima(max, x, place, rows, tile, widths, count, false);
      max.foundNaN();
      fn.if(() => this.#maxima(max, x, place, rows, tile, widths, count, true));
      max.store(at, this.#outPixel, widths);
      advance(fn, x, elements * this.#lanes.bytes);
      advance(fn, at, (elements * this.#outPixel) / this.#channels);
    };
    const atOnce = Math.max(1, Math.floor(4 / tile.width));
    forVectors(fn, this.#lanes, this.#channels, [], body, atOnce);
  }

  /** The maxima of a tile for a few vectors of channels. */
  #maxima(
    max: WindowMax,
    from: Local,
    place: Local,
    rows: Clip,
    { columns }: Tile,
    widths: readonly number[],
    count: Local | undefined,
    exact: boolean,
  ): void {
    const fn = this.#fn;
    max.start((output) => {
      fn.get(place);
      fn.i32(columns.find(({ uses }) => uses.some((use) => use.output === output))!.at);
      fn.op("i32.add");
    });
    const line = copyOf(fn, from);
    const linePlace = copyOf(fn, place);
    times(fn, rows.count, false, () => {
      if (count === undefined) this.#line(max, line, linePlace, columns, widths, exact);
      else {
        const [element, elementPlace] = [copyOf(fn, line), copyOf(fn, linePlace)];
        times(fn, count, false, () => {
          this.#line(max, element, elementPlace, columns, widths, exact);
          advance(fn, element, this.#pixel);
          advance(fn, elementPlace, 1);
        });
      }
      advance(fn, line, this.#columns.extent * this.#pixel);
      advance(fn, linePlace, this.#columns.extent);
    });
  }

  /** Takes the elements of one row of the windows. */
  #line(
    max: WindowMax,
    from: Local,
    place: Local,
    columns: readonly Column[],
    widths: readonly number[],
    exact: boolean,
  ): void {
    const fn = this.#fn;
    for (const { at, uses } of columns) {
      const places = this.#wanted === "places" ? fn.local("v128") : undefined;
      if (places !== undefined) {
        fn.get(place);
        fn.i32(at);
        fn.op("i32.add");
        fn.op("i32x4.splat");
        fn.set(places);
      }
      const outputs = uses.map(({ output }) => output);
      widths.forEach((width, v) => {
        const element = fn.local("v128");
        loadLanes(fn, this.#lanes, from, at * this.#pixel + 16 * v, width);
        fn.set(element);
        max.take(element, v, outputs, places, exact);
      });
    }
  }
}

// The largest elements of windows, and where they are, in registers: updated element by element in row-major order.

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
