/**
 * @file The gradient of a convolution's kernel as a matrix product: the pixels under each element of the kernel times
 * the gradients, or, where there are few channels, whole patches times the gradients.
 */
import type { ConvFilterWork } from "../../../../ir/kernel.ts";
import type { PhasedEmitter } from "../../emit.ts";
import { lanesOf } from "../lanes.ts";
import { type Product, productFunction, productScratch } from "../matmul/product.ts";
import {
  advance,
  pointerTo,
  addScaled,
  align,
  clearRows,
  copyOf,
  cut,
  divided,
  eachSize,
  forRange,
  scaled,
} from "../flow.ts";
import { tapFunction, patchesFunction } from "./patches.ts";
import type { Local } from "../../asm/index.ts";

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

// The gradient of a convolution's kernel where there are few channels (a first layer): whole patches times the gradients.

/** Channels below which a single element of the kernel makes too few rows of a product. */
export const fewChannels = 8;

const patchPixels = 128;
/** Blocks of filters: each gathers the patches anew, so they are few. */
const mostChunks = 4;
const leastFilters = 16;

/** Emits the kernel's gradient. A chunk is a block of filters; sums run in order of the pixels. */
export const emitThinFilter: PhasedEmitter<ConvFilterWork> = (context, work) => {
  const { shape, x, gradient, out } = work;
  const { batch, outHeight, outWidth, kernelHeight, kernelWidth, dtype } = shape;
  const { channels, filters, groups } = shape;
  const { bytes } = lanesOf(dtype);
  const own = filters / groups;
  const depth = (kernelHeight * kernelWidth * channels) / groups;
  if (depth * filters === 0) return;
  const pixels = batch * outHeight * outWidth;
  const blocks = cut(pixels, Math.min(patchPixels, pixels), Infinity);
  const columns = cut(own, leastFilters, mostChunks, lanesOf(dtype).count);
  const productOf = (width: number, count: number): Product => ({
    dtype,
    m: depth,
    k: count,
    n: width,
    a: { row: 1, column: depth },
    b: { row: filters, column: 1 },
    out: { row: filters, column: 1 },
    accumulate: true,
  });
  context.phase(groups * columns.count, ({ fn, chunk, thread }) => {
    const patchBytes = align(blocks.size * depth * bytes);
    const region = context.privateScratch(
      patchBytes + productScratch(productOf(columns.size, blocks.size)),
    );
    const patches = scaled(fn, thread, region.step, region.address);
    const packing = scaled(fn, thread, region.step, region.address + patchBytes);
    const { quotient: group, rest: column } = divided(fn, chunk, columns.count);
    const image = pointerTo(context, fn, x);
    addScaled(fn, image, group, (channels / groups) * bytes);
    const filter = scaled(fn, group, own * bytes);
    addScaled(fn, filter, column, columns.size * bytes);
    const result = pointerTo(context, fn, out);
    addScaled(fn, result, filter, 1);
    const gradients = pointerTo(context, fn, gradient);
    addScaled(fn, gradients, filter, 1);
    eachSize(fn, column, columns, own, (width) => {
      clearRows(fn, result, depth, width * bytes, filters * bytes);
      const from = copyOf(fn, gradients);
      const add = (first: Local, count: number): void => {
        for (const local of [image, patches, first]) fn.get(local);
        fn.i32(count);
        fn.call(patchesFunction(context.module, shape));
        for (const local of [patches, from, result, packing]) fn.get(local);
        fn.call(productFunction(context.module, productOf(width, count)));
      };
      const first = copyOf(fn, 0);
      const whole = Math.floor(pixels / blocks.size) * blocks.size;
      forRange(fn, first, whole, blocks.size, () => {
        add(first, blocks.size);
        advance(fn, from, blocks.size * filters * bytes);
      });
      if (pixels > whole) add(first, pixels - whole);
    });
  });
};
