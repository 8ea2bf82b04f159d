/**
 * @file Convolution as a matrix product: patches of a block of pixels times the kernel in panels, then the epilogue.
 */
import type { ConvShape } from "../../../../ir/conv.ts";
import type { ConvWork, PrepareKernelWork } from "../../../../ir/kernel.ts";
import type { Local } from "../../asm/index.ts";
import type { Phase, PhaseContext, PhasedEmitter } from "../../emit.ts";
import { lanesOf, loadLanes, packFunction } from "../lanes.ts";
import {
  repeat,
  advance,
  pointAt,
  pointerTo,
  type Cut,
  addScaled,
  align,
  copyOf,
  cut,
  divided,
  eachSize,
  forRange,
  scaled,
  smaller,
} from "../flow.ts";
import { type Product, productFunction } from "../matmul/product.ts";
import { epilogueOf } from "./epilogue.ts";
import { patchesAreRows, patchesFunction } from "./patches.ts";
import { panelWidth } from "../../target.ts";

/** Elements of patches that a block aims at: 256 KiB in float32, what a second-level cache holds beside the rest. */
const blockElements = 65536;
/** Multiplications below which a chunk is not worth handing to another thread. */
const chunkWork = 200_000;

/** Neighbouring bytes of a pixel that one chunk writes at least: threads that share lines of the cache wait for each other. */
const ownBytes = 128;

/** How a convolution is cut: blocks of pixels, bundles of groups, and where there are few of those, blocks of filters. */
interface Blocks {
  readonly pixels: Cut;
  readonly groups: Cut;
  readonly filters: Cut;
}

function blocksOf(shape: ConvShape): Blocks {
  const { batch, outHeight, outWidth, filters, groups, dtype } = shape;
  const pixels = batch * outHeight * outWidth;
  const depth = depthOf(shape);
  const own = filters / groups;
  const bundles = cut(groups, Math.ceil(ownBytes / (own * lanesOf(dtype).bytes)), Infinity);
  const aim = Math.min(256, Math.max(48, Math.floor(blockElements / depth / 4) * 4));
  const least = Math.min(aim, Math.ceil(chunkWork / (depth * own * bundles.size) / 4) * 4);
  const size = Math.max(least, Math.min(aim, Math.ceil(pixels / 16 / 4) * 4));
  const rows = cut(pixels, size, Infinity, 4);
  const parts = rows.count * bundles.count;
  const wanted = parts >= 8 ? 1 : Math.ceil(8 / parts);
  const work = Math.floor((Math.min(rows.size, pixels) * depth * own) / chunkWork);
  return {
    pixels: rows,
    groups: bundles,
    filters: cut(own, 1, Math.max(1, Math.min(wanted, work)), panelWidth(dtype)),
  };
}

/** Elements of a patch that a filter sees. */
function depthOf({ kernelHeight, kernelWidth, channels, groups }: ConvShape): number {
  return (kernelHeight * kernelWidth * channels) / groups;
}

/** Emits a convolution by matrix products. Each element is summed in order of the patch's elements. */
export const emitGemmConv: PhasedEmitter<ConvWork> = (context, work) => {
  const { shape } = work;
  const { batch, outHeight, outWidth, filters } = shape;
  const pixels = batch * outHeight * outWidth;
  if (pixels * filters === 0) return;
  const blocks = blocksOf(shape);
  const chunks = blocks.pixels.count * blocks.groups.count * blocks.filters.count;
  context.phase(chunks, (phase) => new GemmConv(context, phase, work, blocks).emit());
};

class GemmConv {
  readonly #context: PhaseContext;
  readonly #phase: Phase;
  readonly #work: ConvWork;
  readonly #blocks: Blocks;
  readonly #bytes: number;

  constructor(context: PhaseContext, phase: Phase, work: ConvWork, blocks: Blocks) {
    this.#context = context;
    this.#phase = phase;
    this.#work = work;
    this.#blocks = blocks;
    this.#bytes = lanesOf(work.shape.dtype).bytes;
  }

  emit(): void {
    const { fn, chunk } = this.#phase;
    const { pixels, groups: bundles, filters: columns } = this.#blocks;
    const { quotient: blockAndBundle, rest: column } = divided(fn, chunk, columns.count);
    const { quotient: block, rest: bundle } = divided(fn, blockAndBundle, bundles.count);
    const first = scaled(fn, block, pixels.size);
    const group = scaled(fn, bundle, bundles.size);
    const end = scaled(fn, bundle, bundles.size, bundles.size);
    forRange(fn, group, smaller(fn, end, this.#work.shape.groups), 1, () =>
      this.#emitGroup(group, block, first, column),
    );
  }

  /** The block's pixels, which begin with `first`, for the filters of one group. */
  #emitGroup(group: Local, block: Local, first: Local, column: Local): void {
    const { fn, thread } = this.#phase;
    const { shape, x, kernel } = this.#work;
    const { batch, outHeight, outWidth, channels, filters, groups, dtype } = shape;
    const { pixels, filters: columns } = this.#blocks;
    const bytes = this.#bytes;
    const depth = depthOf(shape);
    const total = batch * outHeight * outWidth;
    const own = filters / groups;
    const inRows = patchesAreRows(shape) && groups === 1;
    // Of few pixels, a window as large as the image may be all there is.
    const most = Math.min(pixels.size, total);
    const patchBytes = inRows ? 0 : align(most * depth * bytes);
    const straight = this.#work.epilogue === undefined;
    const sumBytes = straight ? 0 : align(most * columns.size * bytes);
    const region = this.#context.privateScratch(patchBytes + sumBytes);
    const scratch = scaled(fn, thread, region.step, region.address);

    const count = copyOf(fn, total);
    addScaled(fn, count, first, -1);
    const rows = smaller(fn, count, pixels.size);

    const input = pointerTo(this.#context, fn, x);
    addScaled(fn, input, group, (channels / groups) * bytes);
    const patches = fn.local("i32");
    if (inRows) {
      pointAt(fn, patches, input);
      addScaled(fn, patches, first, channels * bytes);
    } else {
      pointAt(fn, patches, scratch);
      for (const local of [input, scratch, first, rows]) fn.get(local);
      fn.call(patchesFunction(this.#context.module, shape));
    }

    const panel = panelWidth(dtype);
    const panels = Math.ceil(own / panel);
    const weights = pointerTo(this.#context, fn, kernel);
    addScaled(fn, weights, group, panels * panel * depth * bytes);
    addScaled(fn, weights, column, columns.size * depth * bytes);
    const filter = scaled(fn, group, own * bytes);
    addScaled(fn, filter, column, columns.size * bytes);
    const at = scaled(fn, first, filters * bytes);
    addScaled(fn, at, filter, 1);
    const sums = fn.local("i32");
    if (straight) {
      pointAt(fn, sums, pointerTo(this.#context, fn, this.#work.out));
      addScaled(fn, sums, at, 1);
    } else {
      pointAt(fn, sums, scratch);
      advance(fn, sums, patchBytes);
    }

    this.#eachWidth(column, own, (width) => {
      this.#eachHeight(block, total, (height) => {
        const product: Product = {
          dtype,
          m: height,
          k: depth,
          n: width,
          a: { row: inRows ? channels : depth, column: 1 },
          b: { row: panel, column: depth },
          out: { row: straight ? filters : columns.size, column: 1 },
          panels: true,
        };
        for (const local of [patches, weights, sums, scratch]) fn.get(local);
        fn.call(productFunction(this.#context.module, product));
      });
      if (!straight) this.#finish(sums, at, filter, rows, width);
    });
  }

  /** Emits for blocks of filters of full width and for the last one, chosen when it runs. */
  #eachWidth(column: Local, own: number, emit: (width: number) => void): void {
    eachSize(this.#phase.fn, column, this.#blocks.filters, own, emit);
  }

  #eachHeight(block: Local, total: number, emit: (height: number) => void): void {
    eachSize(this.#phase.fn, block, this.#blocks.pixels, total, emit);
  }

  /** The epilogue over the block's sums, which are in the cache. */
  #finish(sums: Local, start: Local, filter: Local, rows: Local, width: number): void {
    const { fn } = this.#phase;
    const { shape } = this.#work;
    const lanes = lanesOf(shape.dtype);
    const epilogue = epilogueOf(this.#context, fn, this.#work);
    const row = copyOf(fn, 0);
    const at = copyOf(fn, start);
    const vector = fn.local("v128");
    const finish = (
      from: Local,
      to: Local,
      along: Local,
      offset: number,
      lanesHere: number,
    ): void => {
      loadLanes(fn, lanes, from, offset, lanesHere);
      fn.set(vector);
      epilogue.finish(vector, to, offset, along, offset, lanesHere);
    };
    forRange(fn, row, rows, 1, () => {
      const [from, to, along] = [copyOf(fn, sums), copyOf(fn, at), copyOf(fn, filter)];
      repeat(fn, Math.floor(width / lanes.count), () => {
        finish(from, to, along, 0, lanes.count);
        for (const pointer of [from, to, along]) advance(fn, pointer, 16);
      });
      if (width % lanes.count > 0) finish(from, to, along, 0, width % lanes.count);
      advance(fn, sums, this.#blocks.filters.size * lanes.bytes);
      advance(fn, at, shape.filters * lanes.bytes);
    });
  }
}

/** Emits the layout of a kernel in panels [panel][KH * KW * C / groups][8], group after group. */
export const emitGemmKernel: PhasedEmitter<PrepareKernelWork> = (context, work) => {
  const { shape, kernel, out } = work;
  const { kernelHeight, kernelWidth, channels, filters, groups, dtype } = shape;
  const { bytes } = lanesOf(dtype);
  const panel = panelWidth(dtype);
  const own = filters / groups;
  const channelsOfGroup = channels / groups;
  const panels = Math.ceil(own / panel);
  const depth = depthOf(shape);
  if (depth * filters === 0) return;
  const [byRow, byColumn, byChannel, byFilter] = kernel.view.strides as [
    number,
    number,
    number,
    number,
  ];
  const jobs = cut(groups * panels, Math.ceil(20_000 / (depth * panel)), 16);
  context.phase(jobs.count, ({ fn, chunk }) => {
    const at = scaled(fn, chunk, jobs.size);
    const limit = copyOf(fn, at);
    advance(fn, limit, jobs.size);
    const end = smaller(fn, limit, groups * panels);
    const base = pointerTo(context, fn, kernel.value, kernel.view.offset * bytes);
    const target = pointerTo(context, fn, out);
    addScaled(fn, target, at, depth * panel * bytes);
    forRange(fn, at, end, 1, () => {
      const { quotient: group, rest: index } = divided(fn, at, panels);
      const source = copyOf(fn, base);
      addScaled(fn, source, group, own * byFilter * bytes);
      addScaled(fn, source, index, panel * byFilter * bytes);
      const tapsOf = (width: number): void => {
        const ky = copyOf(fn, 0);
        forRange(fn, ky, kernelHeight, 1, () => {
          const kx = copyOf(fn, 0);
          forRange(fn, kx, kernelWidth, 1, () => {
            const from = copyOf(fn, source);
            addScaled(fn, from, ky, byRow * bytes);
            addScaled(fn, from, kx, byColumn * bytes);
            fn.get(from);
            fn.get(target);
            const spec = { row: byChannel, column: byFilter };
            fn.call(
              packFunction(context.module, { dtype, k: channelsOfGroup, width, panel, from: spec }),
            );
            advance(fn, target, channelsOfGroup * panel * bytes);
          });
        });
      };
      eachSize(fn, index, { size: panel, count: panels }, own, tapsOf);
    });
  });
};
