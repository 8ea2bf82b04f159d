// The gradient of a convolution's kernel as a matrix product: the pixels under each element of the kernel times the gradients.
import type { ConvFilterWork } from "../../../../ir/kernel.ts";
import type { PhasedEmitter } from "../../emit.ts";
import { lanesOf } from "../lanes.ts";
import type { Product } from "../plan.ts";
import { advance, pointerTo } from "../pointers.ts";
import { productFunction, productScratch } from "../product.ts";
import {
  addScaled,
  align,
  clearRows,
  copyOf,
  cut,
  divided,
  eachSize,
  forRange,
  scaled,
} from "../chunks.ts";
import { emitThinFilter, fewChannels } from "./gemm-filter-thin.ts";
import { tapFunction } from "./patches.ts";

/** Pixels at a time, and channels of a chunk: together they stay in a first-level cache. */
const blockPixels = 256;
const blockChannels = 32;

/** Emits the kernel's gradient, by whole patches where there are few channels. */
export const emitGemmFilter: PhasedEmitter<ConvFilterWork> = (context, work) => {
  const { channels, groups } = work.shape;
  return (channels / groups < fewChannels ? emitThinFilter : emitByTaps)(context, work);
};

/**
 * Emits the kernel's gradient. A chunk is one element of the kernel and a block of channels, for all filters: it gathers the
 * pixels that meet this element, a block at a time, and adds their products with the gradients, in order of the pixels.
 */
const emitByTaps: PhasedEmitter<ConvFilterWork> = (context, work) => {
  const { shape, x, gradient, out } = work;
  const { batch, outHeight, outWidth, kernelHeight, kernelWidth, dilation, dtype } = shape;
  const { channels, filters, groups } = shape;
  const { bytes } = lanesOf(dtype);
  const ownChannels = channels / groups;
  const ownFilters = filters / groups;
  const taps = kernelHeight * kernelWidth;
  if (taps * ownChannels * filters === 0) return;
  const pixels = batch * outHeight * outWidth;
  const parts = cut(ownChannels, 1, Math.ceil(ownChannels / blockChannels), 4);
  const blocks = cut(pixels, Math.min(blockPixels, pixels), Infinity);
  const productOf = (wide: number, count: number): Product => ({
    dtype,
    m: wide,
    k: count,
    n: ownFilters,
    a: { row: 1, column: wide },
    b: { row: filters, column: 1 },
    out: { row: filters, column: 1 },
    partials: 1,
    accumulate: true,
  });
  context.phase(groups * taps * parts.count, ({ fn, chunk, thread }) => {
    const gatheredBytes = align(blocks.size * parts.size * bytes);
    const scratch = context.privateScratch(
      gatheredBytes + productScratch(productOf(parts.size, blocks.size)),
    );
    const gathered = scaled(fn, thread, scratch.step, scratch.address);
    const packing = scaled(fn, thread, scratch.step, scratch.address + gatheredBytes);
    const { quotient: tapAndGroup, rest: part } = divided(fn, chunk, parts.count);
    const { quotient: group, rest: tap } = divided(fn, tapAndGroup, taps);
    const { quotient: ky, rest: kx } = divided(fn, tap, kernelWidth);
    const dy = scaled(fn, ky, dilation[0], -shape.top);
    const dx = scaled(fn, kx, dilation[1], -shape.left);
    const image = pointerTo(context, fn, x);
    addScaled(fn, image, group, ownChannels * bytes);
    addScaled(fn, image, part, parts.size * bytes);
    const result = pointerTo(context, fn, out);
    addScaled(fn, result, group, ownFilters * bytes);
    addScaled(fn, result, tap, ownChannels * filters * bytes);
    addScaled(fn, result, part, parts.size * filters * bytes);
    const gradients = pointerTo(context, fn, gradient);
    addScaled(fn, gradients, group, ownFilters * bytes);

    eachSize(fn, part, parts, ownChannels, (wide) => {
      clearRows(fn, result, wide, ownFilters * bytes, filters * bytes);
      const add = (first: ReturnType<typeof copyOf>, count: number): void => {
        for (const local of [image, gathered, first]) fn.get(local);
        fn.i32(count);
        fn.get(dy);
        fn.get(dx);
        fn.call(tapFunction(context.module, shape, wide));
        for (const local of [gathered, gradients, result, packing]) fn.get(local);
        fn.call(productFunction(context.module, productOf(wide, count)));
      };
      const first = copyOf(fn, 0);
      const whole = Math.floor(pixels / blocks.size) * blocks.size;
      forRange(fn, first, whole, blocks.size, () => {
        add(first, blocks.size);
        advance(fn, gradients, blocks.size * filters * bytes);
      });
      if (pixels > whole) add(first, pixels - whole);
    });
  });
};
