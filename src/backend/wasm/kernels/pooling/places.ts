/**
 * @file pickPlaces and addAtPlaces read and add elements where places point, each channel separately. Adding works in
 * bands of the image that threads may share.
 */
import type { Value } from "../../../../ir/graph.ts";
import type { FunctionBuilder, Local } from "../../asm/index.ts";
import type { PhaseContext, PhasedEmitter } from "../../emit.ts";
import {
  addScaled,
  copyOf,
  cut,
  divided,
  forRange,
  scaled,
  smaller,
  repeat,
  advance,
  pointerTo,
  pointAt,
} from "../flow.ts";
import type { DirectWork } from "../primitives.ts";
import { type Lanes, lanesOf, storeLanes, loadLanes } from "../lanes.ts";
import { forRows, forVectors, rowChunks } from "../sliding.ts";

/** Nanoseconds that an element of g and one of the image take, about. */
const [eachAdded, eachCleared] = [1.2, 0.1];
/** Chunks are worth at least this many nanoseconds, and there are about this many at most. */
const leastNanoseconds = 10_000;
const mostChunks = 32;
/** Rows of a band at least: rows of g that fall into two bands are read twice. */
const leastRows = 8;
/** Bytes of an entry of the table: the first and the last place that a row of g names. */
const entry = 8;

/**
 * A chunk is a band of rows of an image, or whole images. It adds, in the order of g, what falls into its band: so no two
 * chunks write the same element. A first phase finds out which rows of g those can be.
 */
export const emitAddAtPlaces: PhasedEmitter<DirectWork> = (context, work) => {
  const [g] = work.node.inputs as readonly [Value, Value];
  const images = extentsOf(work.node.outputs[0]!);
  const [batch, height, width, channels] = images;
  const [, rows, columns] = extentsOf(g);
  if (batch * height * width * channels === 0) return;
  const lanes = floatsOf(g);
  const cost = batch * channels * (rows * columns * eachAdded + height * width * eachCleared);
  const worth = Math.min(mostChunks, Math.max(1, Math.floor(cost / leastNanoseconds)));
  const samples = cut(batch, 1, worth);
  const bands = cut(
    height,
    leastRows,
    samples.size > 1 ? 1 : Math.max(1, Math.floor(worth / batch)),
  );
  const table = bands.count > 1 ? tablePhase(context, work) : undefined;

  context.phase(samples.count * bands.count, ({ fn, chunk }) => {
    const { quotient, rest: band } = divided(fn, chunk, bands.count);
    const sample = scaled(fn, quotient, samples.size);
    const until = smaller(fn, scaled(fn, sample, 1, samples.size), batch);
    const pixel = channels * lanes.bytes;
    const firstRow = scaled(fn, band, bands.size);
    const endRow = smaller(fn, scaled(fn, firstRow, 1, bands.size), height);
    const bounds = { first: scaled(fn, firstRow, width), end: scaled(fn, endRow, width) };
    const bytes = fn.local("i32");
    fn.get(bounds.end);
    fn.get(bounds.first);
    fn.op("i32.sub");
    fn.i32(pixel);
    fn.op("i32.mul");
    fn.set(bytes);

    const adder = new Adder(fn, lanes, new Addresses(fn, lanes, images), channels, columns);
    const bases = {
      image: pointerTo(context, fn, work.out),
      gradient: pointerTo(context, fn, work.inputs[0] as Value),
      places: pointerTo(context, fn, work.inputs[1] as Value),
    };
    forRange(fn, sample, until, 1, () => {
      const image = copyOf(fn, bases.image);
      addScaled(fn, image, sample, height * width * pixel);
      const start = copyOf(fn, image);
      addScaled(fn, start, bounds.first, pixel);
      fn.get(start);
      fn.i32(0);
      fn.get(bytes);
      fn.op("memory.fill");

      const index = scaled(fn, sample, rows);
      const gradient = copyOf(fn, bases.gradient);
      addScaled(fn, gradient, index, columns * pixel);
      const places = copyOf(fn, bases.places);
      addScaled(fn, places, index, columns * channels * 4);
      const named = table === undefined ? undefined : scaled(fn, index, entry, table);
      repeat(fn, rows, () => {
        if (named === undefined) adder.row(image, gradient, places);
        else {
          adder.rowInBand(image, gradient, places, { named, ...bounds, start, bytes });
          advance(fn, named, entry);
        }
        advance(fn, gradient, columns * pixel);
        advance(fn, places, columns * channels * 4);
      });
    });
  });
};

/** A phase that writes the smallest and the largest place, clamped, of every row of g to a table, whose address it gives back. */
function tablePhase(context: PhaseContext, work: DirectWork): number {
  const [batch, rows, columns, channels] = extentsOf(work.node.inputs[1]!);
  const [, height, width] = extentsOf(work.node.outputs[0]!);
  const table = context.scratch(batch * rows * entry);
  const elements = columns * channels;
  const chunks = rowChunks(batch * rows, elements * 0.1);
  context.phase(chunks.count, ({ fn, chunk }) => {
    const places = pointerTo(context, fn, work.inputs[1] as Value);
    const [least, most, found] = [fn.local("v128"), fn.local("v128"), fn.local("v128")];
    const take = (): void => {
      fn.set(found);
      for (const [extreme, op] of [
        [least, "i32x4.min_s"],
        [most, "i32x4.max_s"],
      ] as const) {
        fn.get(extreme);
        fn.get(found);
        fn.op(op);
        fn.set(extreme);
      }
    };
    forRows(fn, chunk, chunks, rows, (_sample, _row, index) => {
      const place = copyOf(fn, places);
      addScaled(fn, place, index, elements * 4);
      const to = scaled(fn, index, entry, table);
      // A row whose places all lie before the image names the first one, and so at the other end.
      fn.v128({ i32x4: Array<number>(4).fill(height * width - 1) });
      fn.set(least);
      fn.v128({ i32x4: [0, 0, 0, 0] });
      fn.set(most);
      forVectors(fn, lanesOf("float32"), elements, [place], (width) => {
        for (let lane = 0; lane < width; lane += width === 4 ? 4 : 1) {
          fn.get(place);
          fn.load(width === 4 ? "v128.load" : "v128.load32_splat", 4 * lane, 4);
          take();
        }
      });
      for (const [extreme, op, bound, at] of [
        [least, "max_s", 0, 0],
        [most, "min_s", height * width - 1, 4],
      ] as const) {
        const fold = op === "max_s" ? "i32x4.min_s" : "i32x4.max_s";
        for (const half of [8, 4]) {
          fn.get(extreme);
          fn.get(extreme);
          fn.get(extreme);
          fn.shuffle(Array.from({ length: 16 }, (_, byte) => (byte + half) % 16));
          fn.op(fold);
          fn.set(extreme);
        }
        fn.get(extreme);
        fn.v128({ i32x4: [bound, bound, bound, bound] });
        fn.op(`i32x4.${op}`);
        fn.set(extreme);
        fn.get(to);
        fn.get(extreme);
        fn.storeLane("v128.store32_lane", 0, at);
      }
    });
  });
  return table;
}

/** A band of an image, for a row of g: places from `first` to before `end`, memory from `start` on. */
interface Band {
  readonly first: Local;
  readonly end: Local;
  readonly start: Local;
  readonly bytes: Local;
  /** The row's entry of the table. */
  readonly named: Local;
}

class Adder {
  readonly #fn: FunctionBuilder;
  readonly #lanes: Lanes;
  readonly #addresses: Addresses;
  readonly #channels: number;
  readonly #columns: number;

  constructor(
    fn: FunctionBuilder,
    lanes: Lanes,
    addresses: Addresses,
    channels: number,
    columns: number,
  ) {
    this.#fn = fn;
    this.#lanes = lanes;
    this.#addresses = addresses;
    this.#channels = channels;
    this.#columns = columns;
  }

  /** Adds a row of g to an image. */
  row(image: Local, gradient: Local, places: Local): void {
    const fn = this.#fn;
    const address = fn.local("i32");
    this.#eachElement(image, gradient, places, (add) => {
      fn.set(address);
      add(address);
    });
  }

  /** Adds of a row of g what falls into a band. */
  rowInBand(image: Local, gradient: Local, places: Local, band: Band): void {
    const fn = this.#fn;
    const compare = (offset: number, bound: Local, op: string): void => {
      fn.get(band.named);
      fn.load("i32.load", offset);
      fn.get(bound);
      fn.op(`i32.${op}`);
    };
    // Some of its places lie in the band ...
    compare(0, band.end, "lt_s");
    compare(4, band.first, "ge_s");
    fn.op("i32.and");
    fn.if(() => {
      // ... or all of them.
      compare(0, band.first, "ge_s");
      compare(4, band.end, "lt_s");
      fn.op("i32.and");
      fn.if(
        () => this.row(image, gradient, places),
        () => {
          const address = fn.local("i32");
          this.#eachElement(image, gradient, places, (add) => {
            fn.tee(address);
            fn.get(band.start);
            fn.op("i32.sub");
            fn.get(band.bytes);
            fn.op("i32.lt_u");
            fn.if(() => add(address));
          });
        },
      );
    });
  }

  /** Visits the elements of a row with the address that the place of each means on the stack. */
  #eachElement(
    image: Local,
    gradient: Local,
    places: Local,
    visit: (add: (address: Local) => void) => void,
  ): void {
    const fn = this.#fn;
    const { bytes, count } = this.#lanes;
    const type = count === 4 ? "f32" : "f64";
    const [from, place] = [copyOf(fn, gradient), copyOf(fn, places)];
    repeat(fn, this.#columns, () => {
      const channel = copyOf(fn, image);
      forVectors(fn, this.#lanes, this.#channels, [channel, from], (width) => {
        this.#addresses.find(place, channel, width);
        for (let lane = 0; lane < width; lane++) {
          this.#addresses.push(lane);
          visit((address) => {
            fn.get(address);
            fn.get(address);
            fn.load(`${type}.load`);
            fn.get(from);
            fn.load(`${type}.load`, lane * bytes);
            fn.op(`${type}.add`);
            fn.store(`${type}.store`);
          });
        }
        advance(fn, place, 4 * width);
      });
      const tail = this.#channels % count;
      advance(fn, from, tail * bytes);
    });
  }
}

// pickPlaces: elements read where places point, each channel its own.

/** About how long an element takes, in nanoseconds. */
const eachElement = 0.5;

export const emitPickPlaces: PhasedEmitter<DirectWork> = (context, work) => {
  const [x, places] = work.node.inputs as readonly [Value, Value];
  const images = extentsOf(x);
  const [batch, rows, columns, channels] = extentsOf(places);
  if (batch * rows * columns * channels === 0) return;
  const lanes = floatsOf(x);
  const row = columns * channels;
  const chunks = rowChunks(batch * rows, row * eachElement);
  context.phase(chunks.count, ({ fn, chunk }) => {
    const source = pointerTo(context, fn, work.inputs[0] as Value);
    const indices = pointerTo(context, fn, work.inputs[1] as Value);
    const out = pointerTo(context, fn, work.out);
    const addresses = new Addresses(fn, lanes, images);
    const found = fn.local("v128");
    forRows(fn, chunk, chunks, rows, (sample, _row, index) => {
      const image = copyOf(fn, source);
      addScaled(fn, image, sample, images[1] * images[2] * channels * lanes.bytes);
      const place = copyOf(fn, indices);
      addScaled(fn, place, index, row * 4);
      const to = copyOf(fn, out);
      addScaled(fn, to, index, row * lanes.bytes);
      const channel = fn.local("i32");
      repeat(fn, columns, () => {
        pointAt(fn, channel, image);
        forVectors(fn, lanes, channels, [], (width) => {
          addresses.find(place, channel, width);
          addresses.load(width);
          fn.set(found);
          storeLanes(fn, lanes, to, 0, width, found);
          advance(fn, place, 4 * width);
          advance(fn, channel, lanes.bytes * width);
          advance(fn, to, lanes.bytes * width);
        });
      });
    });
  });
};

// Addresses of the elements that places point to. Places are data: all are clamped to the image.

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
