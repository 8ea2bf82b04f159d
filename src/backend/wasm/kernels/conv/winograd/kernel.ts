/** @file Kernels prepared for Winograd's algorithm: U = G k G^T, in panels of eight filters, read with any strides. */
import type { PrepareKernelWork } from "../../../../../ir/kernel.ts";
import type { FunctionBuilder, Local } from "../../../asm/index.ts";
import type { PhasedEmitter, EmitContext } from "../../../emit.ts";
import {
  addScaled,
  copyOf,
  divided,
  forRange,
  ifEquals,
  repeat,
  advance,
  pointerTo,
  scaled,
  pointAt,
} from "../../flow.ts";
import { chunkRange, chunksOf, placeAt, panelFilters, planesOf, vectorBytes } from "./layout.ts";
import { kernelMatrix, Vectors } from "./matrices.ts";
import { lanesOf, loadLanes, transpose } from "../../lanes.ts";
import { type WinogradForm, winogradForm, winogradKernelPlane } from "../../../target.ts";

/**
 * Emits the preparation of a kernel that lies in memory with any strides. Filters and channels are taken four by four, so that kernels
 * whose channels (rather than filters) lie side by side are read by whole vectors, too. Zeros fill up the last four
 * channels and the last panel.
 */
export const emitWinogradKernel: PhasedEmitter<PrepareKernelWork> = (context, work) => {
  const { channels, filters } = work.shape;
  const form = winogradForm(work);
  const { fold, taps, depth } = form;
  const vectors = Math.ceil(filters / 4);
  const chunks = chunksOf(vectors, depth * 1000);
  const { address, step } = context.privateScratch(tapsBytes(taps));
  context.phase(chunks, ({ fn, chunk, thread }) => {
    const scratch = placeAt(fn, address, thread, step);
    const source = new KernelSource(context, fn, work, scratch);
    const out = pointerTo(context, fn, work.out);
    const { from, to } = chunkRange(fn, chunk, vectors, chunks);
    forRange(fn, from, to, 1, () => {
      const run = (width: number): void => {
        const target = targetOf(fn, out, from, depth);
        const group = (count: number): void => {
          source.read(count, width);
          transformTaps(fn, form, scratch, target, 4 * winogradKernelPlane(work));
          advance(fn, target, square * panelFilters * 4);
        };
        for (let y = 0; y < fold; y++)
          for (let x = 0; x < fold; x++) {
            source.goTo(from, y, x);
            repeat(fn, Math.floor(channels / square), () => group(square));
            if (channels % square > 0) group(channels % square);
          }
      };
      const rest = filters % 4;
      if (rest === 0) run(4);
      else
        ifEquals(
          fn,
          from,
          vectors - 1,
          () => run(rest),
          () => run(4),
        );
    });
    if (vectors % (panelFilters / 4) > 0)
      ifEquals(fn, chunk, chunks - 1, () => clearRest(fn, work, out));
  });
};

/** A local with the address of a vector of filters, those of the first channel, in the first plane. */
function targetOf(fn: FunctionBuilder, out: Local, vector: Local, depth: number): Local {
  const { quotient: panel, rest: half } = divided(fn, vector, panelFilters / 4);
  const target = placeAt(fn, out, panel, depth * panelFilters * 4);
  addScaled(fn, target, half, vectorBytes);
  return target;
}

/** Transforms the taps of four channels, from scratch memory to the planes. */
function transformTaps(
  fn: FunctionBuilder,
  { taps, tile }: WinogradForm,
  scratch: Local,
  target: Local,
  plane: number,
): void {
  const v = new Vectors(fn);
  const matrix = kernelMatrix(tile);
  const [from, to] = [copyOf(fn, scratch), copyOf(fn, target)];
  repeat(fn, square, () => {
    const columns = Array.from({ length: taps }, (_, x) => {
      const column = Array.from({ length: taps }, (_, y) =>
        v.load(from, (y * taps + x) * vectorBytes),
      );
      return matrix(v, column);
    });
    for (let y = 0; y < tile; y++) {
      const row = columns.map((column) => column[y]!);
      matrix(v, row).forEach((element, x) => v.store(to, (y * tile + x) * plane, element));
    }
    advance(fn, from, taps * taps * vectorBytes);
    advance(fn, to, panelFilters * 4);
  });
}

/** Zeroes the second half of the last panel. */
function clearRest(fn: FunctionBuilder, work: PrepareKernelWork, out: Local): void {
  const { filters } = work.shape;
  const { depth } = winogradForm(work);
  const plane = 4 * winogradKernelPlane(work);
  const at = copyOf(fn, out);
  advance(fn, at, Math.floor(filters / panelFilters) * depth * panelFilters * 4 + vectorBytes);
  repeat(fn, planesOf(work), () => {
    repeat(fn, depth, () => {
      fn.get(at);
      fn.v128({ f32x4: [0, 0, 0, 0] });
      fn.store("v128.store", 0, 4);
      advance(fn, at, panelFilters * 4);
    });
    advance(fn, at, plane - depth * panelFilters * 4);
  });
}

// Reads kernels that lie in memory with any strides, four channels by four filters at a time.

/** Channels, and filters, read at once. */
export const square = 4;
/** Bytes of scratch memory: [channel][row][column], vectors of filters. */
export function tapsBytes(taps: number): number {
  return square * taps * taps * vectorBytes;
}

const lanes = lanesOf("float32");

export class KernelSource {
  readonly #fn: FunctionBuilder;
  readonly #scratch: Local;
  readonly #base: Local;
  /** Address of the first tap of the next channels and filters. */
  readonly #at: Local;
  readonly #form: WinogradForm;
  /** Bytes from row to row, column to column, channel to channel, filter to filter of the kernel. */
  readonly #strides: readonly [row: number, column: number, channel: number, filter: number];

  constructor(context: EmitContext, fn: FunctionBuilder, work: PrepareKernelWork, scratch: Local) {
    this.#fn = fn;
    this.#scratch = scratch;
    this.#at = fn.local("i32");
    this.#form = winogradForm(work);
    const { value, view } = work.kernel;
    this.#strides = view.strides.map((stride) => 4 * stride) as [number, number, number, number];
    this.#base = pointerTo(context, fn, value, 4 * view.offset);
  }

  /** Goes to the first channels of a vector of filters, and of the pixel in row y and column x of those folded into one. */
  goTo(vector: Local, y: number, x: number): void {
    const [rowStep, columnStep, , filterStep] = this.#strides;
    pointAt(this.#fn, this.#at, placeAt(this.#fn, this.#base, vector, square * filterStep));
    advance(this.#fn, this.#at, y * rowStep + x * columnStep);
  }

  /** Reads the pixel's taps of `channels` channels and `filters` filters, zeros beyond; goes on to the channels after them. */
  read(channels: number, filters: number): void {
    const fn = this.#fn;
    const { fold, taps } = this.#form;
    const [rowStep, columnStep, channelStep, filterStep] = this.#strides;
    const strides = [fold * rowStep, fold * columnStep, channelStep, filterStep] as const;
    // Constant offsets cannot be negative: they count from the lowest element.
    const extents = [taps, taps, channels, filters];
    const first = -strides.reduce(
      (sum, stride, axis) => sum + Math.min(0, stride) * (extents[axis]! - 1),
      0,
    );
    const lowest = scaled(fn, this.#at, 1, -first);
    for (let row = 0; row < taps; row++) {
      for (let column = 0; column < taps; column++) {
        const at = first + row * strides[0] + column * strides[1];
        const vectors =
          channelStep === 4
            ? transpose(fn, lanes, this.#lines(lowest, at, filters, filterStep, channels, 4))
            : this.#lines(lowest, at, channels, channelStep, filters, filterStep);
        vectors.forEach((vector, channel) => {
          fn.get(this.#scratch);
          fn.get(vector);
          fn.store("v128.store", ((channel * taps + row) * taps + column) * vectorBytes, 4);
        });
      }
    }
    advance(fn, this.#at, square * channelStep);
  }

  /** Four registers with `count` lines of `width` elements, zeros beyond. */
  #lines(
    pointer: Local,
    offset: number,
    count: number,
    outerStep: number,
    width: number,
    innerStep: number,
  ): Local[] {
    const fn = this.#fn;
    return Array.from({ length: square }, (_, i) => {
      const line = fn.local("v128");
      if (i >= count) fn.v128({ f32x4: [0, 0, 0, 0] });
      else if (innerStep >= 0)
        loadLanes(fn, lanes, pointer, offset + i * outerStep, width, innerStep);
      else this.#loadBackwards(pointer, offset + i * outerStep, width, innerStep);
      fn.set(line);
      return line;
    });
  }

  /** Pushes `width` elements `step` < 0 bytes apart. */
  #loadBackwards(pointer: Local, offset: number, width: number, step: number): void {
    const fn = this.#fn;
    fn.get(pointer);
    fn.load("v128.load32_zero", offset);
    const below = fn.local("v128");
    for (let lane = 1; lane < width; lane++) {
      fn.set(below);
      fn.get(pointer);
      fn.get(below);
      fn.loadLane("v128.load32_lane", lane, offset + lane * step);
    }
  }
}
