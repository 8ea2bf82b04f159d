/**
 * @file The gradient of a depthwise kernel: sums over pixels in registers, one row of taps and a few vectors of channels
 * at a time.
 */
import type { ConvShape } from "../../../../ir/conv.ts";
import type { ConvFilterWork } from "../../../../ir/kernel.ts";
import type { FunctionBuilder, Local } from "../../asm/index.ts";
import type { PhaseContext, PhasedEmitter } from "../../emit.ts";
import {
  addScaled,
  align,
  copyOf,
  cut,
  forRange,
  ifEquals,
  scaled,
  smaller,
  repeat,
  advance,
  clear,
  pointAt,
  pointerTo,
} from "../flow.ts";
import { type Lanes, lanesOf, loadLanes, multiplyAdd, storeLanes, vectorWidths } from "../lanes.ts";
import {
  canMiss,
  clip,
  type Column,
  forRows,
  forVectors,
  type RowChunks,
  rowChunks,
  type SlidingAxis,
  tileRuns,
  times,
} from "../sliding.ts";
import { axesOf, mostColumns, mostRuns } from "./depthwise.ts";

/** Sums held in registers at once, where a row has so many taps. */
const sumsAtOnce = 7;
/** Neighbouring pixels that share what they load: as many as leave registers for the sums. */
const pixelsAtOnce = ({ window }: SlidingAxis): number => (window <= 4 ? 3 : 2);
/** A chunk is worth adding up a gradient of its own when it sees at least so many pixels. */
const leastPixels = 48;

/**
 * Rows of all samples fall into chunks that depend on the shape only. A chunk sums its products in order of the rows, row by
 * row; then the chunks' sums are added in their order.
 */
export const emitDepthwiseFilter: PhasedEmitter<ConvFilterWork> = (context, work) => {
  const { shape } = work;
  const { batch, outHeight, outWidth, channels, kernelHeight, kernelWidth } = shape;
  const lanes = lanesOf(shape.dtype);
  const elements = kernelHeight * kernelWidth * channels;
  if (elements === 0) return;
  const vectors = outWidth * Math.ceil(channels / lanes.count);
  const cost = (vectors * kernelHeight * (kernelWidth + 1)) / 2;
  const chunks = rowChunks(batch * outHeight, cost, Math.ceil(leastPixels / outWidth));
  const alone = chunks.count === 1;
  const partial = align(elements * lanes.bytes);
  const partials = alone ? 0 : context.scratch(chunks.count * partial);

  context.phase(chunks.count, ({ fn, chunk }) => {
    const x = pointerTo(context, fn, work.x);
    const gradient = pointerTo(context, fn, work.gradient);
    const sums = alone ? pointerTo(context, fn, work.out) : scaled(fn, chunk, partial, partials);
    clear(fn, sums, elements * lanes.bytes);
    const emitter = new DepthwiseFilter(fn, shape, lanes);
    forRows(fn, chunk, chunks, outHeight, (sample, row, index) =>
      emitter.row(x, gradient, sums, sample, row, index),
    );
  });
  if (!alone) addPartials(context, work, lanes, elements, chunks, { partials, partial });
};

/** The last phase: out = the sum of all chunks' sums. */
function addPartials(
  context: PhaseContext,
  work: ConvFilterWork,
  lanes: Lanes,
  elements: number,
  { count }: RowChunks,
  { partials, partial }: { readonly partials: number; readonly partial: number },
): void {
  const whole = Math.floor(elements / lanes.count);
  const rest = elements % lanes.count;
  const chunks = cut(whole, Math.ceil(10_000 / count), 16);
  context.phase(chunks.count, ({ fn, chunk }) => {
    const out = pointerTo(context, fn, work.out);
    const [from, to, sum] = [fn.local("i32"), fn.local("i32"), fn.local("v128")];
    const add = (vector: Local, width: number): void => {
      pointAt(fn, from, partials);
      addScaled(fn, from, vector, 16);
      pointAt(fn, to, out);
      addScaled(fn, to, vector, 16);
      for (let part = 0; part < count; part++) {
        loadLanes(fn, lanes, from, part * partial, width);
        if (part > 0) {
          fn.get(sum);
          fn.op(`${lanes.shape}.add`);
        }
        fn.set(sum);
      }
      storeLanes(fn, lanes, to, 0, width, sum);
    };
    const vector = scaled(fn, chunk, chunks.size);
    const end = smaller(fn, scaled(fn, chunk, chunks.size, chunks.size), whole);
    forRange(fn, vector, end, 1, () => add(vector, lanes.count));
    if (rest > 0)
      ifEquals(fn, chunk, chunks.count - 1, () => {
        pointAt(fn, vector, whole);
        add(vector, rest);
      });
  });
}

class DepthwiseFilter {
  readonly #fn: FunctionBuilder;
  readonly #shape: ConvShape;
  readonly #lanes: Lanes;
  readonly #axes: { rows: SlidingAxis; columns: SlidingAxis };
  /** Bytes of a pixel. */
  readonly #pixel: number;

  constructor(fn: FunctionBuilder, shape: ConvShape, lanes: Lanes) {
    this.#fn = fn;
    this.#shape = shape;
    this.#lanes = lanes;
    this.#axes = axesOf(shape);
    this.#pixel = shape.channels * lanes.bytes;
  }

  /** Adds the products of one row of the gradient, the `index`-th of all. */
  row(x: Local, gradient: Local, sums: Local, sample: Local, row: Local, index: Local): void {
    const fn = this.#fn;
    const { height, width, outWidth, kernelWidth } = this.#shape;
    const { rows, columns } = this.#axes;
    const line = width * this.#pixel;
    const inside = clip(fn, rows, row);
    const from = copyOf(fn, x);
    addScaled(fn, from, sample, height * line);
    addScaled(fn, from, inside.start, line);
    const to = copyOf(fn, sums);
    addScaled(fn, to, inside.first, kernelWidth * this.#pixel);
    const g = copyOf(fn, gradient);
    addScaled(fn, g, index, outWidth * this.#pixel);

    const written =
      kernelWidth <= mostColumns && tileRuns(columns, pixelsAtOnce(columns)).length <= mostRuns;
    times(fn, inside.count, canMiss(rows), () => {
      if (written) this.#rowOfTaps(from, g, to);
      else this.#tapByTap(from, g, to);
      advance(fn, from, rows.dilation * line);
      advance(fn, to, kernelWidth * this.#pixel);
    });
  }

  /** All the taps of one row of the kernel, over a row of pixels. */
  #rowOfTaps(from: Local, gradient: Local, to: Local): void {
    const fn = this.#fn;
    const { columns } = this.#axes;
    const taps = columns.window;
    this.#blocks([from, gradient, to], Math.floor(sumsAtOnce / taps), ([x, g, at], widths) => {
      const sums = this.#load(at, taps, widths);
      const [tileX, tileG] = [fn.local("i32"), fn.local("i32")];
      for (const run of tileRuns(columns, pixelsAtOnce(columns))) {
        if (run.columns.length === 0) continue;
        pointAt(fn, tileX, x);
        advance(fn, tileX, run.start * this.#pixel);
        pointAt(fn, tileG, g);
        advance(fn, tileG, run.first * this.#pixel);
        repeat(fn, run.repeats, () => {
          this.#tile(sums, tileX, tileG, run.columns, widths);
          advance(fn, tileX, run.width * columns.stride * this.#pixel);
          advance(fn, tileG, run.width * this.#pixel);
        });
      }
      this.#store(sums, at, widths);
    });
  }

  /** The same tap by tap, for kernels of many columns: for each the pixels whose tap lies inside. */
  #tapByTap(from: Local, gradient: Local, to: Local): void {
    const fn = this.#fn;
    const { extent, count, window, stride, dilation, before } = this.#axes.columns;
    // Pixels of the gradient under one tap are to it as the taps under one pixel are to that.
    const pixels = {
      extent,
      before,
      count: window,
      window: count,
      stride: dilation,
      dilation: stride,
    };
    const tap = copyOf(fn, 0);
    const [tapX, tapG, tapTo] = [fn.local("i32"), fn.local("i32"), fn.local("i32")];
    forRange(fn, tap, window, 1, () => {
      const inside = clip(fn, pixels, tap);
      for (const [pointer, base, index] of [
        [tapX, from, inside.start],
        [tapG, gradient, inside.first],
        [tapTo, to, tap],
      ] as const) {
        pointAt(fn, pointer, base);
        addScaled(fn, pointer, index, this.#pixel);
      }
      this.#blocks([tapX, tapG, tapTo], sumsAtOnce, ([x, g, at], widths) => {
        const sums = this.#load(at, 1, widths);
        const [pixelX, pixelG] = [copyOf(fn, x), copyOf(fn, g)];
        times(fn, inside.count, canMiss(pixels), () => {
          this.#tile(sums, pixelX, pixelG, [{ at: 0, uses: [{ output: 0, tap: 0 }] }], widths);
          advance(fn, pixelX, stride * this.#pixel);
          advance(fn, pixelG, this.#pixel);
        });
        this.#store(sums, at, widths);
      });
    });
  }

  /** Runs `body` for blocks of at most `vectors` (at least one, at most four) vectors of channels, pointers at the first of them. */
  #blocks(
    bases: readonly [Local, Local, Local],
    vectors: number,
    body: (pointers: readonly [Local, Local, Local], widths: readonly number[]) => void,
  ): void {
    const pointers = bases.map((base) => copyOf(this.#fn, base)) as [Local, Local, Local];
    forVectors(
      this.#fn,
      this.#lanes,
      this.#shape.channels,
      pointers,
      (elements) => body(pointers, vectorWidths(this.#lanes, elements)),
      Math.min(4, Math.max(1, vectors)),
    );
  }

  /** Adds the products of a tile of pixels to the sums, which are by vector and tap. */
  #tile(
    sums: readonly (readonly Local[])[],
    x: Local,
    gradient: Local,
    columns: readonly Column[],
    widths: readonly number[],
  ): void {
    const fn = this.#fn;
    const { shape } = this.#lanes;
    const load = (pointer: Local, pixels: number, v: number): Local => {
      loadLanes(fn, this.#lanes, pointer, pixels * this.#pixel + 16 * v, widths[v]!);
      const vector = fn.local("v128");
      fn.set(vector);
      return vector;
    };
    sums.forEach((taps, v) => {
      const loaded = new Map<number, Local>();
      for (const { at, uses } of columns) {
        const element = load(x, at, v);
        for (const { output, tap } of uses) {
          if (!loaded.has(output)) loaded.set(output, load(gradient, output, v));
          multiplyAdd(fn, shape, taps[tap]!, element, loaded.get(output)!);
        }
      }
    });
  }

  #load(at: Local, taps: number, widths: readonly number[]): Local[][] {
    const fn = this.#fn;
    return widths.map((width, v) =>
      Array.from({ length: taps }, (_, tap) => {
        const sum = fn.local("v128");
        loadLanes(fn, this.#lanes, at, tap * this.#pixel + 16 * v, width);
        fn.set(sum);
        return sum;
      }),
    );
  }

  #store(sums: readonly (readonly Local[])[], at: Local, widths: readonly number[]): void {
    sums.forEach((taps, v) =>
      taps.forEach((sum, tap) =>
        storeLanes(this.#fn, this.#lanes, at, tap * this.#pixel + 16 * v, widths[v]!, sum),
      ),
    );
  }
}
