// The gradient of a convolution's kernel where there are few channels (a first layer): whole patches times the gradients.
import type { ConvFilterWork } from "../../../../ir/kernel.ts";
import type { Local } from "../../asm/index.ts";
import type { PhasedEmitter } from "../../emit.ts";
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
import { lanesOf } from "../lanes.ts";
import type { Product } from "../plan.ts";
import { advance, pointerTo } from "../pointers.ts";
import { productFunction, productScratch } from "../product.ts";
import { patchesFunction } from "./patches.ts";

/** Channels below which a single element of the kernel makes too few rows of a product. */
export const fewChannels = 8;

const blockPixels = 128;
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
  const blocks = cut(pixels, Math.min(blockPixels, pixels), Infinity);
  const columns = cut(own, leastFilters, mostChunks, lanesOf(dtype).count);
  const productOf = (width: number, count: number): Product => ({
    dtype,
    m: depth,
    k: count,
    n: width,
    a: { row: 1, column: depth },
    b: { row: filters, column: 1 },
    out: { row: filters, column: 1 },
    partials: 1,
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
