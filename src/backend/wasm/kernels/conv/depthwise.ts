/**
 * @file Depthwise convolution, one filter per channel: vectors over channels, and tiles of neighbouring outputs that
 * share what they load.
 */
import type { ConvShape } from "../../../../ir/conv.ts";
import type { ConvWork, PrepareKernelWork } from "../../../../ir/kernel.ts";
import type { FunctionBuilder, Local } from "../../asm/index.ts";
import type { PhasedEmitter } from "../../emit.ts";
import { addScaled, copyOf, forRange, repeat, advance, pointAt, pointerTo } from "../flow.ts";
import { type Lanes, lanesOf, loadLanes, multiplyAdd, vectorWidths } from "../lanes.ts";
import {
  canMiss,
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
import { type Epilogue, epilogueOf } from "./epilogue.ts";

/** Sums held in registers at once: enough to hide the latency of additions, and registers are left for operands. */
const sumsAtOnce = 4;
/** Kernels with more columns than this are walked through tap by tap, as code written out for them would be long. */
export const mostColumns = 8;
/** Kinds of tiles that code is written out for. */
export const mostRuns = 16;

/** The two axes of a convolution. */
export function axesOf(shape: ConvShape): { rows: SlidingAxis; columns: SlidingAxis } {
  const { height, width, outHeight, outWidth, kernelHeight, kernelWidth } = shape;
  const { strides, dilation, top, left } = shape;
  const axis = (
    extent: number,
    count: number,
    window: number,
    along: 0 | 1,
    before: number,
  ): SlidingAxis => ({
    extent,
    count,
    window,
    stride: strides[along],
    dilation: dilation[along],
    before,
  });
  return {
    rows: axis(height, outHeight, kernelHeight, 0, top),
    columns: axis(width, outWidth, kernelWidth, 1, left),
  };
}

/** Sums are of the dtype itself, tap by tap in row-major order, whatever the tiles. */
export const emitDepthwise: PhasedEmitter<ConvWork> = (context, work) => {
  const { shape } = work;
  const { batch, outHeight, outWidth, channels, kernelHeight, kernelWidth } = shape;
  if (batch * outHeight * outWidth * channels === 0) return;
  const lanes = lanesOf(shape.dtype);
  const vectors = outWidth * Math.ceil(channels / lanes.count);
  // About two nanoseconds a vector for loads and stores, and one for every two products.
  const cost = vectors * (2 + (kernelHeight * kernelWidth) / 2);
  const chunks = rowChunks(batch * outHeight, cost);
  context.phase(chunks.count, ({ fn, chunk }) => {
    const x = pointerTo(context, fn, work.x);
    const kernel = pointerTo(context, fn, work.kernel);
    const emitter = new Depthwise(fn, shape, lanes, epilogueOf(context, fn, work));
    forRows(fn, chunk, chunks, outHeight, (sample, row, index) =>
      emitter.row(x, kernel, sample, row, index),
    );
  });
};

class Depthwise {
  readonly #fn: FunctionBuilder;
  readonly #shape: ConvShape;
  readonly #lanes: Lanes;
  readonly #epilogue: Epilogue;
  readonly #axes: { rows: SlidingAxis; columns: SlidingAxis };
  /** Bytes of a pixel. */
  readonly #pixel: number;
  /** Byte of the first channel at hand. */
  readonly #channel: Local;

  constructor(fn: FunctionBuilder, shape: ConvShape, lanes: Lanes, epilogue: Epilogue) {
    this.#fn = fn;
    this.#shape = shape;
    this.#lanes = lanes;
    this.#epilogue = epilogue;
    this.#axes = axesOf(shape);
    this.#pixel = shape.channels * lanes.bytes;
    this.#channel = fn.local("i32");
  }

  /** One row of outputs, the `index`-th of all. */
  row(x: Local, kernel: Local, sample: Local, row: Local, index: Local): void {
    const fn = this.#fn;
    const { height, width, outWidth, kernelWidth } = this.#shape;
    const { rows, columns } = this.#axes;
    const line = width * this.#pixel;
    const inside = clip(fn, rows, row);
    const from = copyOf(fn, x);
    addScaled(fn, from, sample, height * line);
    addScaled(fn, from, inside.start, line);
    const weights = copyOf(fn, kernel);
    addScaled(fn, weights, inside.first, kernelWidth * this.#pixel);
    const to = copyOf(fn, 0);
    addScaled(fn, to, index, outWidth * this.#pixel);

    const runs = tileRuns(columns, sumsAtOnce);
    if (kernelWidth > mostColumns || runs.length > mostRuns) {
      return this.#tapByTap(from, weights, to, inside);
    }
    const [tileFrom, tileTo] = [fn.local("i32"), fn.local("i32")];
    for (const run of runs) {
      pointAt(fn, tileFrom, from);
      advance(fn, tileFrom, run.start * this.#pixel);
      pointAt(fn, tileTo, to);
      advance(fn, tileTo, run.first * this.#pixel);
      repeat(fn, run.repeats, () => {
        this.#tile(tileFrom, weights, tileTo, inside, run);
        advance(fn, tileFrom, run.width * columns.stride * this.#pixel);
        advance(fn, tileTo, run.width * this.#pixel);
      });
    }
  }

  /** A row of outputs one by one, their columns clipped as the kernel runs. */
  #tapByTap(from: Local, weights: Local, to: Local, rows: Clip): void {
    const fn = this.#fn;
    const { columns } = this.#axes;
    const output = copyOf(fn, 0);
    const [pixelFrom, pixelWeights] = [fn.local("i32"), fn.local("i32")];
    forRange(fn, output, columns.count, 1, () => {
      const inside = clip(fn, columns, output);
      pointAt(fn, pixelFrom, from);
      addScaled(fn, pixelFrom, inside.start, this.#pixel);
      pointAt(fn, pixelWeights, weights);
      addScaled(fn, pixelWeights, inside.first, this.#pixel);
      const one: readonly Column[] = [{ at: 0, uses: [{ output: 0, tap: 0 }] }];
      const tile = { width: 1, columns: one };
      this.#tile(pixelFrom, pixelWeights, to, rows, tile, inside.count);
      advance(fn, to, this.#pixel);
    });
  }

  /** Outputs of one row, all their channels. With `taps`, `tile` gives one column, which is repeated `taps` times per input row. */
  #tile(
    from: Local,
    weights: Local,
    to: Local,
    rows: Clip,
    tile: { readonly width: number; readonly columns: readonly Column[] },
    taps?: Local,
  ): void {
    const fn = this.#fn;
    const [x, w, at] = [copyOf(fn, from), copyOf(fn, weights), copyOf(fn, to)];
    pointAt(fn, this.#channel, 0);
    const atOnce = Math.max(1, Math.floor(sumsAtOnce / tile.width));
    const body = (elements: number): void => {
      const widths = vectorWidths(this.#lanes, elements);
      const sums = this.#sums(x, w, rows, tile, widths, taps);
      sums.forEach((outputs, v) =>
        outputs.forEach((sum, output) =>
          this.#epilogue.finish(
            sum,
            at,
            output * this.#pixel + 16 * v,
            this.#channel,
            16 * v,
            widths[v]!,
          ),
        ),
      );
    };
    const pointers = [x, w, at, this.#channel];
    forVectors(fn, this.#lanes, this.#shape.channels, pointers, body, atOnce);
  }

  /** The sums of a tile for a few vectors of channels, by vector and output. */
  #sums(
    from: Local,
    weights: Local,
    rows: Clip,
    { width, columns }: { readonly width: number; readonly columns: readonly Column[] },
    widths: readonly number[],
    taps: Local | undefined,
  ): Local[][] {
    const fn = this.#fn;
    const axes = this.#axes;
    const pixel = this.#pixel;
    const sums = widths.map(() => Array.from({ length: width }, () => fn.local("v128")));
    for (const sum of sums.flat()) {
      fn.v128({ i32x4: [0, 0, 0, 0] });
      fn.set(sum);
    }
    if (columns.length === 0) return sums;
    const [x, w] = [copyOf(fn, from), copyOf(fn, weights)];
    times(fn, rows.count, canMiss(axes.rows), () => {
      if (taps === undefined) this.#line(sums, x, w, columns, widths);
      else {
        const [tapX, tapW] = [copyOf(fn, x), copyOf(fn, w)];
        times(fn, taps, canMiss(axes.columns), () => {
          this.#line(sums, tapX, tapW, columns, widths);
          advance(fn, tapX, axes.columns.dilation * pixel);
          advance(fn, tapW, pixel);
        });
      }
      advance(fn, x, axes.rows.dilation * axes.columns.extent * pixel);
      advance(fn, w, axes.columns.window * pixel);
    });
    return sums;
  }

  /** Adds the products of one row of the window. */
  #line(
    sums: readonly (readonly Local[])[],
    from: Local,
    weights: Local,
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
    sums.forEach((outputs, v) => {
      const loaded = new Map<number, Local>();
      for (const { at, uses } of columns) {
        const x = load(from, at, v);
        for (const { output, tap } of uses) {
          if (!loaded.has(tap)) loaded.set(tap, load(weights, tap, v));
          multiplyAdd(fn, shape, outputs[output]!, x, loaded.get(tap)!);
        }
      }
    });
  }
}

// The kernel of a depthwise convolution, laid out tap by tap.

/** Copies a kernel [KH, KW, 1, C] of any strides to [KH * KW, C], contiguous. */
export const emitDepthwiseKernel: PhasedEmitter<PrepareKernelWork> = (context, work) => {
  const { dtype, kernelHeight, kernelWidth, channels } = work.shape;
  const { bytes } = lanesOf(dtype);
  const { value, view } = work.kernel;
  const [rowStep, columnStep, , step] = view.strides.map((stride) => stride * bytes) as [
    number,
    number,
    number,
    number,
  ];
  context.phase(1, ({ fn }) => {
    const from = pointerTo(context, fn, value, view.offset * bytes);
    const to = pointerTo(context, fn, work.out);
    const [column, element] = [fn.local("i32"), fn.local("i32")];
    const type = bytes === 4 ? "i32" : "i64";
    const move = (instructions: string, width: number): void => {
      fn.get(to);
      fn.get(element);
      fn.load(`${instructions}.load`, 0, bytes);
      fn.store(`${instructions}.store`, 0, bytes);
      advance(fn, element, width * step);
      advance(fn, to, width * bytes);
    };
    const vectors = step === bytes ? Math.floor((channels * bytes) / 16) : 0;
    repeat(fn, kernelHeight, () => {
      pointAt(fn, column, from);
      repeat(fn, kernelWidth, () => {
        pointAt(fn, element, column);
        repeat(fn, vectors, () => move("v128", 16 / bytes));
        repeat(fn, channels - (vectors * 16) / bytes, () => move(type, 1));
        advance(fn, column, columnStep);
      });
      advance(fn, from, rowStep);
    });
  });
};
