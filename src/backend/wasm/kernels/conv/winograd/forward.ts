/**
 * @file The convolution by Winograd's algorithm: transform the inputs, multiply matrices plane by plane, transform the
 * sums.
 */
import type { ConvWork } from "../../../../../ir/kernel.ts";
import type { FunctionBuilder, Local } from "../../../asm/index.ts";
import type { PhaseContext, PhasedEmitter } from "../../../emit.ts";
import {
  addScaled,
  copyOf,
  forRange,
  scaled,
  smaller,
  repeat,
  advance,
  pointerTo,
} from "../../flow.ts";
import {
  chunkRange,
  chunksOf,
  evenly,
  placeAt,
  inPanels,
  panelFilters,
  planeBytes,
  planesOf,
  stripTiles,
  tilesOf,
} from "./layout.ts";
import {
  clearGatherScratch,
  gatherScratch,
  gatherStrips,
  inputImages,
  type Planes,
} from "./input.ts";
import { outputFunction, outputScratch } from "./output.ts";
import { multiplyPlane } from "./product.ts";
import { winogradForm, winogradKernelPlane, winogradKernelSize } from "../../../target.ts";

/**
 * Kernels of up to so many bytes, which a third-level cache may hold, are read again for every block of tiles; larger ones
 * once.
 */
const smallKernel = 10 << 20;

/** Strips of a block, at least: a product reads a panel of the kernel for as many. */
const fewestStrips = 3;

/** Bytes of a block's transformed inputs and products, which are to stay in a second-level cache. */
const blockBytes = 768 << 10;

/** Bytes of transformed inputs and products that lie in memory at once, unless there are too many tiles. */
const passBytes = 64 << 20;
const mostPasses = 8;

/** Emits a convolution with a kernel that `emitWinogradKernel` prepared. */
export const emitWinograd: PhasedEmitter<ConvWork> = (context, work) => {
  if (4 * winogradKernelSize(work) <= smallKernel) emitBlocks(context, work);
  else emitPasses(context, work);
};

/** Sizes of what lies between the transforms, for blocks of so many strips. */
function layoutOf(work: ConvWork, strips: number): { inputs: Planes; products: Planes } {
  const lines = strips * stripTiles;
  return {
    inputs: { plane: planeBytes(lines * winogradForm(work).depth), lines },
    products: { plane: planeBytes(lines * inPanels(work.shape.filters)), lines },
  };
}

/** Everything in one phase: blocks of tiles whose transformed numbers stay in a cache. */
function emitBlocks(context: PhaseContext, work: ConvWork): void {
  const { shape } = work;
  const { filters } = shape;
  const { depth } = winogradForm(work);
  const planes = planesOf(work);
  const tiles = tilesOf(work);
  const bytesOfStrip = planes * 4 * stripTiles * (depth + filters);
  const flops = 2 * planes * stripTiles * depth * filters;
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
        images: inputImages(work),
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
      const operands = {
        lines: products.lines,
        inputs: copyOf(fn, inputsBase),
        products: copyOf(fn, productsBase),
        kernel: copyOf(fn, kernel),
        count,
        rest: 0,
      };
      repeat(fn, planes, () => {
        multiplyPlane(context.module, fn, work, operands);
        advance(fn, operands.inputs, inputs.plane);
        advance(fn, operands.products, products.plane);
        advance(fn, operands.kernel, 4 * winogradKernelPlane(work));
      });
      callOutput(fn, output, [productsBase, from, end, scratch]);
    });
  });
}

/**
 * A phase for each step: for large kernels, which are read but once, or once for each part of the tiles if their numbers
 * would take too much memory.
 */
function emitPasses(context: PhaseContext, work: ConvWork): void {
  const { shape } = work;
  const tiles = tilesOf(work);
  const planes = planesOf(work);
  const bytesOfStrip = planes * 4 * stripTiles * (winogradForm(work).depth + shape.filters);
  const most = Math.max(Math.floor(passBytes / bytesOfStrip), Math.ceil(tiles.strips / mostPasses));
  const size = evenly(tiles.strips, most, 1);
  const layout = layoutOf(work, size);
  const privateAt = context.privateScratch(Math.max(gatherScratch, outputScratch));
  const sharedAt = context.scratch(planes * (layout.inputs.plane + layout.products.plane));
  for (let first = 0; first < tiles.strips; first += size) {
    const strips = Math.min(size, tiles.strips - first);
    emitPass(context, work, { ...layout, privateAt, sharedAt, first, strips });
  }
}

/** A part of the tiles, and where its numbers lie. */
interface Pass {
  readonly inputs: Planes;
  readonly products: Planes;
  readonly privateAt: { readonly address: number; readonly step: number };
  readonly sharedAt: number;
  readonly first: number;
  readonly strips: number;
}

function emitPass(
  context: PhaseContext,
  work: ConvWork,
  { inputs, products, privateAt, sharedAt, first, strips }: Pass,
): void {
  const { shape } = work;
  const { filters } = shape;
  const { depth } = winogradForm(work);
  const planes = planesOf(work);
  const tiles = tilesOf(work);
  const productsAt = sharedAt + planes * inputs.plane;
  const gathers = chunksOf(strips, stripTiles * depth * 300);
  context.phase(gathers, ({ fn, chunk, thread }) => {
    const scratch = placeAt(fn, privateAt.address, thread, privateAt.step);
    const image = pointerTo(context, fn, work.x);
    clearGatherScratch(fn, scratch);
    const { from, to } = chunkRange(fn, chunk, strips, gathers);
    gatherStrips(context.module, fn, {
      images: inputImages(work),
      matrix: "input",
      order: "tiles",
      beyond: tiles.count % stripTiles > 0,
      planes: inputs,
      image,
      from: scaled(fn, from, 1, first),
      to: scaled(fn, to, 1, first),
      target: placeAt(fn, sharedAt, from, stripTiles * depth * 4),
      scratch,
    });
  });
  const last = first + strips === tiles.strips && strips > 1;
  const rest = last ? tiles.count % stripTiles : 0;
  context.phase(planes, ({ fn, chunk }) => {
    const kernel = pointerTo(context, fn, work.kernel);
    multiplyPlane(context.module, fn, work, {
      lines: products.lines,
      inputs: placeAt(fn, sharedAt, chunk, inputs.plane),
      products: placeAt(fn, productsAt, chunk, products.plane),
      kernel: placeAt(fn, kernel, chunk, 4 * winogradKernelPlane(work)),
      count: copyOf(fn, strips - (rest > 0 ? 1 : 0)),
      rest,
    });
  });
  const outputs = chunksOf(strips, stripTiles * filters * 200);
  context.phase(outputs, ({ fn, chunk, thread }) => {
    const scratch = placeAt(fn, privateAt.address, thread, privateAt.step);
    const output = outputFunction(context, fn, work, outputsOf(products));
    const { from, to } = chunkRange(fn, chunk, strips, outputs);
    const block = placeAt(fn, productsAt, from, stripTiles * panelFilters * 4);
    callOutput(fn, output, [block, scaled(fn, from, 1, first), scaled(fn, to, 1, first), scratch]);
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
