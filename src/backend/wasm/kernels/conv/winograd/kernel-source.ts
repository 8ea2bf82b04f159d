// Reads 3 x 3 kernels of any strides, four channels by four filters at a time.
import type { PrepareKernelWork } from "../../../../../ir/kernel.ts";
import type { FunctionBuilder, Local } from "../../../asm/index.ts";
import type { EmitContext } from "../../../emit.ts";
import { scaled } from "../../chunks.ts";
import { lanesOf, loadLanes } from "../../lanes.ts";
import { advance, pointAt, pointerTo } from "../../pointers.ts";
import { transpose } from "../../transpose.ts";
import { placeAt } from "./chunks.ts";
import { vectorBytes } from "./layout.ts";

/** Rows and columns of the kernel. */
export const side = 3;
/** Channels, and filters, read at once. */
export const square = 4;
/** Bytes of scratch memory: [channel][row][column], vectors of filters. */
export const tapsBytes: number = square * side * side * vectorBytes;

/** Bytes from a channel's first tap in scratch memory. */
export function tapAt(row: number, column: number): number {
  return (row * side + column) * vectorBytes;
}

const lanes = lanesOf("float32");

export class KernelSource {
  readonly #fn: FunctionBuilder;
  readonly #scratch: Local;
  readonly #base: Local;
  /** Address of the first tap of the next channels and filters. */
  readonly #at: Local;
  /** Bytes from row to row, column to column, channel to channel, filter to filter of the kernel. */
  readonly #strides: readonly [row: number, column: number, channel: number, filter: number];

  constructor(
    context: EmitContext,
    fn: FunctionBuilder,
    { value, view }: PrepareKernelWork["kernel"],
    scratch: Local,
  ) {
    this.#fn = fn;
    this.#scratch = scratch;
    this.#at = fn.local("i32");
    this.#strides = view.strides.map((stride) => 4 * stride) as [number, number, number, number];
    this.#base = pointerTo(context, fn, value, 4 * view.offset);
  }

  /** Goes to the first channels of a vector of filters. */
  goTo(vector: Local): void {
    pointAt(this.#fn, this.#at, placeAt(this.#fn, this.#base, vector, square * this.#strides[3]));
  }

  /** Reads all taps of `channels` channels and `filters` filters, zeros beyond; goes on to the channels after them. */
  read(channels: number, filters: number): void {
    const fn = this.#fn;
    const [rowStep, columnStep, channelStep, filterStep] = this.#strides;
    // Constant offsets cannot be negative: they count from the lowest element.
    const extents = [side, side, channels, filters];
    const first = -this.#strides.reduce(
      (sum, stride, axis) => sum + Math.min(0, stride) * (extents[axis]! - 1),
      0,
    );
    const lowest = scaled(fn, this.#at, 1, -first);
    for (let row = 0; row < side; row++) {
      for (let column = 0; column < side; column++) {
        const at = first + row * rowStep + column * columnStep;
        const vectors =
          channelStep === 4
            ? transpose(fn, lanes, this.#lines(lowest, at, filters, filterStep, channels, 4))
            : this.#lines(lowest, at, channels, channelStep, filters, filterStep);
        vectors.forEach((vector, channel) => {
          fn.get(this.#scratch);
          fn.get(vector);
          fn.store("v128.store", channel * side * side * vectorBytes + tapAt(row, column), 4);
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
