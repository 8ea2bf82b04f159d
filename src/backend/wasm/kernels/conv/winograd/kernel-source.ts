// Reads kernels that lie in memory with any strides, four channels by four filters at a time.
import { type WinogradForm, winogradForm } from "../../../../../ir/conv.ts";
import type { PrepareKernelWork } from "../../../../../ir/kernel.ts";
import type { FunctionBuilder, Local } from "../../../asm/index.ts";
import type { EmitContext } from "../../../emit.ts";
import { scaled } from "../../chunks.ts";
import { lanesOf, loadLanes } from "../../lanes.ts";
import { advance, pointAt, pointerTo } from "../../pointers.ts";
import { transpose } from "../../transpose.ts";
import { placeAt } from "./chunks.ts";
import { vectorBytes } from "./layout.ts";

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
