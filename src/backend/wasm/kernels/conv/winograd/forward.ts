// The convolution by Winograd's algorithm F(4x4, 3x3): transform the inputs, 36 matrix products, transform the sums.
import { winogradKernelPlane } from "../../../../../ir/conv.ts";
import type { ConvWork } from "../../../../../ir/kernel.ts";
import type { FunctionBuilder, Local } from "../../../asm/index.ts";
import type { PhaseContext, PhasedEmitter } from "../../../emit.ts";
import { addScaled, copyOf, forRange, scaled, smaller } from "../../chunks.ts";
import { repeat } from "../../flow.ts";
import { advance, pointerTo } from "../../pointers.ts";
import { chunkRange, chunksOf, evenly, placeAt } from "./chunks.ts";
import { clearGatherScratch, gatherScratch } from "./gather.ts";
import { gatherStrips, inputImages, type Planes } from "./input.ts";
import {
  inPanels,
  inVectors,
  lineBytes,
  panelFilters,
  planeBytes,
  planes,
  stripTiles,
  tilesOf,
  vectorBytes,
} from "./layout.ts";
import { outputFunction, outputScratch } from "./output.ts";
import { panelFunction } from "./product.ts";

/**
 * Kernels of up to so many bytes, which a third-level cache may hold, are read again for every block of tiles; larger ones
 * once.
 */
const smallKernel = 10 << 20;

/** Strips of a block, at least: a product reads a panel of the kernel for as many. */
const fewestStrips = 3;

/** Bytes of a block's transformed inputs and products, which are to stay in a second-level cache. */
const blockBytes = 768 << 10;

/** Channels that a product takes at once: a panel of the kernel and a strip stay in the first-level cache. */
const mostDepth = 512;

/** Emits a convolution with a kernel that `emitWinogradKernel` prepared. */
export const emitWinograd: PhasedEmitter<ConvWork> = (context, work) => {
  if (planes * 4 * winogradKernelPlane(work.shape) <= smallKernel) emitBlocks(context, work);
  else emitPasses(context, work);
};

/** Sizes of what lies between the transforms, for blocks of so many strips. */
function layoutOf({ shape }: ConvWork, strips: number): { inputs: Planes; products: Planes } {
  const lines = strips * stripTiles;
  return {
    inputs: { plane: planeBytes(lines * inVectors(shape.channels)), lines },
    products: { plane: planeBytes(lines * inPanels(shape.filters)), lines },
  };
}

/** Everything in one phase: blocks of tiles whose transformed numbers stay in a cache. */
function emitBlocks(context: PhaseContext, work: ConvWork): void {
  const { shape } = work;
  const { channels, filters } = shape;
  const tiles = tilesOf(shape);
  const bytesOfStrip = planes * 4 * stripTiles * (channels + filters);
  const flops = 2 * planes * stripTiles * channels * filters;
  const most = Math.max(1, Math.floor(tiles.strips / fewestStrips));
  const chunks = chunksOf(tiles.strips, flops, Math.min(32, most));
  const share = Math.ceil(tiles.strips / chunks);
  const cached = Math.max(fewestStrips, Math.floor(blockBytes / bytesOfStrip));
  const strips = Math.ceil(share / Math.ceil(share / cached));
  const { inputs, products } = layoutOf(work, strips);
  const small = Math.max(gatherScratch, outputScratch);
  const inputsAt = small;
  const productsAt = inputsAt + planes * inputs.plane;
  const { address, step } = context.privateScratch(productsAt + planes * products.plane);
  context.phase(chunks, (phase) => {
    const { fn, chunk, thread } = phase;
    const scratch = placeAt(fn, address, thread, step);
    const inputsBase = scaled(fn, scratch, 1, inputsAt);
    const productsBase = scaled(fn, scratch, 1, productsAt);
    const x = pointerTo(context, fn, work.x);
    const kernel = pointerTo(context, fn, work.kernel);
    const output = outputFunction(context, fn, work, outputsOf(products));
    const { from, to } = chunkRange(fn, chunk, tiles.strips, chunks);
    forRange(fn, from, to, strips, () => {
      const end = smaller(fn, scaled(fn, from, 1, strips), to);
      const count = copyOf(fn, end);
      addScaled(fn, count, from, -1);
      // The transforms share their small scratch memory: the line of zeros must be written again.
      clearGatherScratch(fn, scratch);
      gatherStrips(context.module, fn, {
        images: inputImages(shape),
        matrix: "input",
        order: "tiles",
        beyond: tiles.count % stripTiles > 0,
        planes: inputs,
        image: x,
        from,
        to: end,
        target: inputsBase,
        scratch,
      });
      multiplyAll(context, fn, work, {
        inputs,
        products,
        inputsBase,
        productsBase,
        kernel,
        count,
        rest: 0,
      });
      callOutput(fn, output, [productsBase, from, end, scratch]);
    });
  });
}

/** A phase for each step: for large kernels, which are read but once. */
function emitPasses(context: PhaseContext, work: ConvWork): void {
  const { shape } = work;
  const { channels, filters } = shape;
  const tiles = tilesOf(shape);
  const rest = tiles.count > stripTiles ? tiles.count % stripTiles : 0;
  const { inputs, products } = layoutOf(work, tiles.strips);
  const small = Math.max(gatherScratch, outputScratch);
  const own = context.privateScratch(small);
  const inputsAt = context.scratch(planes * (inputs.plane + products.plane));
  const productsAt = inputsAt + planes * inputs.plane;
  const gathers = chunksOf(tiles.strips, stripTiles * channels * 300);
  context.phase(gathers, ({ fn, chunk, thread }) => {
    const scratch = placeAt(fn, own.address, thread, own.step);
    const x = pointerTo(context, fn, work.x);
    clearGatherScratch(fn, scratch);
    const { from, to } = chunkRange(fn, chunk, tiles.strips, gathers);
    const target = placeAt(fn, inputsAt, from, stripTiles * inVectors(channels) * 4);
    gatherStrips(context.module, fn, {
      images: inputImages(shape),
      matrix: "input",
      order: "tiles",
      beyond: tiles.count % stripTiles > 0,
      planes: inputs,
      image: x,
      from,
      to,
      target,
      scratch,
    });
  });
  context.phase(planes, ({ fn, chunk }) => {
    const kernel = pointerTo(context, fn, work.kernel);
    const count = copyOf(fn, tiles.strips - (rest > 0 ? 1 : 0));
    multiplyPlane(context, fn, work, {
      inputs,
      products,
      inputsBase: placeAt(fn, inputsAt, chunk, inputs.plane),
      productsBase: placeAt(fn, productsAt, chunk, products.plane),
      kernel: placeAt(fn, kernel, chunk, 4 * winogradKernelPlane(shape)),
      count,
      rest,
    });
  });
  const outputs = chunksOf(tiles.strips, stripTiles * filters * 200);
  context.phase(outputs, ({ fn, chunk, thread }) => {
    const scratch = placeAt(fn, own.address, thread, own.step);
    const output = outputFunction(context, fn, work, outputsOf(products));
    const { from, to } = chunkRange(fn, chunk, tiles.strips, outputs);
    const first = placeAt(fn, productsAt, from, stripTiles * panelFilters * 4);
    callOutput(fn, output, [first, from, to, scratch]);
  });
}

function outputsOf({ plane, lines }: Planes): { plane: number; panel: number } {
  return { plane, panel: lines * panelFilters * 4 };
}

function callOutput(fn: FunctionBuilder, output: FunctionBuilder, args: readonly Local[]): void {
  fn.handle.params.forEach((_, i) => fn.get(fn.param(i)));
  for (const argument of args) fn.get(argument);
  fn.call(output);
}

interface Operands {
  readonly inputs: Planes;
  readonly products: Planes;
  readonly inputsBase: Local;
  readonly productsBase: Local;
  readonly kernel: Local;
  /** How many strips, at least one. */
  readonly count: Local;
  /** Tiles of one more strip. */
  readonly rest: number;
}

function multiplyAll(
  context: PhaseContext,
  fn: FunctionBuilder,
  work: ConvWork,
  operands: Operands,
): void {
  const inputsBase = copyOf(fn, operands.inputsBase);
  const productsBase = copyOf(fn, operands.productsBase);
  const kernel = copyOf(fn, operands.kernel);
  repeat(fn, planes, () => {
    multiplyPlane(context, fn, work, { ...operands, inputsBase, productsBase, kernel });
    advance(fn, inputsBase, operands.inputs.plane);
    advance(fn, productsBase, operands.products.plane);
    advance(fn, kernel, 4 * winogradKernelPlane(work.shape));
  });
}

/** The product of one plane: each panel of the kernel against all strips, the last of which may have fewer tiles. */
function multiplyPlane(
  context: PhaseContext,
  fn: FunctionBuilder,
  { shape: { channels, filters } }: ConvWork,
  { products, inputsBase, productsBase, kernel, count, rest }: Operands,
): void {
  const length = inVectors(channels);
  const depth = evenly(length, mostDepth, 4);
  const strip = (length / 4) * lineBytes;
  const [panel, out] = [copyOf(fn, kernel), copyOf(fn, productsBase)];
  repeat(fn, Math.ceil(filters / panelFilters), () => {
    for (let done = 0; done < length; done += depth) {
      const k = Math.min(depth, length - done);
      const accumulate = done > 0;
      const multiply = (rows: number, left: Local, to: Local, strips: () => void): void => {
        const spec = { k, order: "rows", accumulate, strip, rows } as const;
        fn.get(left);
        fn.i32(done * vectorBytes);
        fn.op("i32.add");
        fn.get(panel);
        fn.get(to);
        strips();
        fn.call(panelFunction(context.module, spec));
      };
      multiply(stripTiles, inputsBase, out, () => fn.get(count));
      if (rest > 0) {
        const last = placeAt(fn, inputsBase, count, strip);
        const tail = placeAt(fn, out, count, stripTiles * panelFilters * 4);
        multiply(rest, last, tail, () => fn.i32(1));
      }
      advance(fn, panel, k * panelFilters * 4);
    }
    advance(fn, out, products.lines * panelFilters * 4);
  });
}
