// pickPlaces and addAtPlaces: elements read or added where places point, each channel its own. Places are data: all are
// clamped to the image.
import type { Value } from "../../../../ir/graph.ts";
import type { FunctionBuilder, Local } from "../../asm/index.ts";
import type { PhasedEmitter } from "../../emit.ts";
import { addScaled, copyOf, cut, divided, eachSize, forRange, smaller } from "../chunks.ts";
import type { DirectWork } from "../direct.ts";
import { repeat } from "../flow.ts";
import { type Lanes, lanesOf, storeLanes } from "../lanes.ts";
import { advance, clear, pointAt, pointerTo } from "../pointers.ts";
import { forRows, forVectors, rowChunks } from "../sliding.ts";

type Extents = readonly [batch: number, height: number, width: number, channels: number];

/** Turns places of neighbouring channels into addresses. Make it before the loops. */
class Addresses {
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
    for (let lane = 1; lane < width && width < 4; lane++) fn.get(places);
    fn.get(places);
    if (width === 4) fn.load("v128.load", 0, 4);
    else {
      fn.load("v128.load32_zero");
      for (let lane = 1; lane < width; lane++) fn.loadLane("v128.load32_lane", lane, 4 * lane);
    }
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

const floatOf = ({ dtype }: Value): Lanes => lanesOf(dtype as "float32" | "float64");
const extentsOf = ({ shape }: Value): Extents => shape as readonly number[] as Extents;

/** About how long an element takes, in nanoseconds. */
const eachElement = 0.8;

export const emitPickPlaces: PhasedEmitter<DirectWork> = (context, work) => {
  const [x, places] = work.node.inputs as readonly [Value, Value];
  const images = extentsOf(x);
  const [batch, rows, columns, channels] = extentsOf(places);
  if (batch * rows * columns * channels === 0) return;
  const lanes = floatOf(x);
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

/**
 * Chunks are of samples, or of a sample's channels by lines of the cache: no two write the same element, as they might if
 * they were of rows. Elements are added in the order of g.
 */
export const emitAddAtPlaces: PhasedEmitter<DirectWork> = (context, work) => {
  const [g] = work.node.inputs as readonly [Value, Value];
  const images = extentsOf(work.node.outputs[0]!);
  const [batch, rows, columns, channels] = extentsOf(g);
  const [, height, width] = images;
  if (batch * height * width * channels === 0) return;
  const lanes = floatOf(g);
  const { bytes } = lanes;
  const sampleCost = channels * (rows * columns * 2 * eachElement + height * width * 0.1);
  const worth = Math.min(32, Math.max(1, Math.floor((batch * sampleCost) / 10_000)));
  const samples = cut(batch, 1, worth);
  const parts = samples.size > 1 ? 1 : Math.max(1, Math.floor(worth / batch));
  const blocks = cut(channels, 1, parts, 64 / bytes);

  context.phase(samples.count * blocks.count, ({ fn, chunk }) => {
    const { quotient, rest } = divided(fn, chunk, blocks.count);
    const firstSample = fn.local("i32");
    fn.get(quotient);
    fn.i32(samples.size);
    fn.op("i32.mul");
    fn.set(firstSample);
    const end = copyOf(fn, firstSample);
    advance(fn, end, samples.size);
    const until = smaller(fn, end, batch);
    const at = (value: Value, size: number, pixels: number): Local => {
      const pointer = pointerTo(context, fn, value);
      addScaled(fn, pointer, firstSample, pixels * channels * size);
      addScaled(fn, pointer, rest, blocks.size * size);
      return pointer;
    };
    const gradient = at(work.inputs[0] as Value, bytes, rows * columns);
    const places = at(work.inputs[1] as Value, 4, rows * columns);
    const out = at(work.out, bytes, height * width);
    const addresses = new Addresses(fn, lanes, images);
    forRange(fn, firstSample, until, 1, () => {
      eachSize(fn, rest, blocks, channels, (block) => {
        clearPixels(fn, lanes, out, height * width, block, channels);
        addPixels(fn, lanes, addresses, { gradient, places, out }, rows * columns, block, channels);
      });
      advance(fn, out, height * width * channels * bytes);
    });
  });
};

/** Zeroes the first `block` channels of every pixel. */
function clearPixels(
  fn: FunctionBuilder,
  lanes: Lanes,
  out: Local,
  pixels: number,
  block: number,
  channels: number,
): void {
  if (block === channels) return clear(fn, out, pixels * channels * lanes.bytes);
  const [to, zero] = [copyOf(fn, out), fn.local("v128")];
  fn.v128({ i32x4: [0, 0, 0, 0] });
  fn.set(zero);
  repeat(fn, pixels, () => {
    forVectors(fn, lanes, block, [], (width) => {
      storeLanes(fn, lanes, to, 0, width, zero);
      advance(fn, to, width * lanes.bytes);
    });
    advance(fn, to, (channels - block) * lanes.bytes);
  });
}

/** Adds the first `block` channels of every pixel of g. Pointers to g and its places end at the next sample. */
function addPixels(
  fn: FunctionBuilder,
  lanes: Lanes,
  addresses: Addresses,
  { gradient, places, out }: { gradient: Local; places: Local; out: Local },
  pixels: number,
  block: number,
  channels: number,
): void {
  const type = lanes.count === 4 ? "f32" : "f64";
  const [channel, address] = [fn.local("i32"), fn.local("i32")];
  repeat(fn, pixels, () => {
    pointAt(fn, channel, out);
    forVectors(fn, lanes, block, [], (width) => {
      addresses.find(places, channel, width);
      for (let lane = 0; lane < width; lane++) {
        addresses.push(lane);
        fn.tee(address);
        fn.get(address);
        fn.load(`${type}.load`);
        fn.get(gradient);
        fn.load(`${type}.load`, lane * lanes.bytes);
        fn.op(`${type}.add`);
        fn.store(`${type}.store`);
      }
      advance(fn, places, 4 * width);
      advance(fn, channel, lanes.bytes * width);
      advance(fn, gradient, lanes.bytes * width);
    });
    advance(fn, places, 4 * (channels - block));
    advance(fn, gradient, lanes.bytes * (channels - block));
  });
}
