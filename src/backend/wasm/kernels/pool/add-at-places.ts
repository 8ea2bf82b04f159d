// addAtPlaces: elements added where places point, each channel its own, in bands of the image that threads may share.
import type { Value } from "../../../../ir/graph.ts";
import type { FunctionBuilder, Local } from "../../asm/index.ts";
import type { PhaseContext, PhasedEmitter } from "../../emit.ts";
import { addScaled, copyOf, cut, divided, forRange, scaled, smaller } from "../chunks.ts";
import type { DirectWork } from "../direct.ts";
import { repeat } from "../flow.ts";
import { type Lanes, lanesOf } from "../lanes.ts";
import { advance, pointerTo } from "../pointers.ts";
import { forRows, forVectors, rowChunks } from "../sliding.ts";
import { Addresses, extentsOf, floatsOf } from "./addresses.ts";

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
