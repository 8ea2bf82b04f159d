// The convolution by Winograd's algorithm F(4x4, 3x3): transform the inputs, 36 matrix products, transform the sums.
import { winogradKernelPlane } from "../../../../../ir/conv.ts";
import type { ConvWork } from "../../../../../ir/kernel.ts";
import type { FunctionBuilder, Local } from "../../../asm/index.ts";
import type { PhaseContext, PhasedEmitter } from "../../../emit.ts";
import { repeat } from "../../flow.ts";
import { advance, pointAt, pointerTo } from "../../pointers.ts";
import { chunkRange, chunksOf, placeAt, upTo } from "./chunks.ts";
import { clearGatherScratch, gatherScratch } from "./gather.ts";
import { gatherStrips, inputImages, type Planes } from "./input.ts";
import { lineBytes, panelFilters, planeBytes, planes, stripTiles, tilesOf } from "./layout.ts";
import { outputFunction, outputScratch } from "./output.ts";
import { panelFunction } from "./product.ts";

/** Kernels of up to so many bytes are read again for every block of tiles, larger ones once. */
const smallKernel = 4 << 20;

/** Bytes of a block's transformed inputs and products, which are to stay in a second-level cache. */
const blockBytes = 768 << 10;

/** Emits a convolution with a kernel that `emitWinogradKernel` prepared. */
export const emitWinograd: PhasedEmitter<ConvWork> = (context, work) => {
  if (planes * 4 * winogradKernelPlane(work.shape) <= smallKernel) emitBlocks(context, work);
  else emitPasses(context, work);
};

/** Sizes of what lies between the transforms, for blocks of so many strips. */
function layoutOf({ shape }: ConvWork, strips: number): { inputs: Planes; products: Planes } {
  const panels = Math.ceil(shape.filters / panelFilters);
  const lines = strips * stripTiles;
  return {
    inputs: { plane: planeBytes(lines * shape.channels), lines },
    products: { plane: planeBytes(lines * panels * panelFilters), lines },
  };
}

/** Everything in one phase: blocks of tiles whose transformed numbers stay in a cache. */
function emitBlocks(context: PhaseContext, work: ConvWork): void {
  const { shape } = work;
  const { channels, filters } = shape;
  const tiles = tilesOf(shape);
  const bytesOfStrip = planes * 4 * stripTiles * (channels + filters);
  const chunks = chunksOf(tiles.strips, 2 * planes * stripTiles * channels * filters);
  const most = Math.ceil(tiles.strips / chunks);
  const blocks = Math.ceil(most / Math.max(2, Math.floor(blockBytes / bytesOfStrip)));
  const strips = Math.ceil(most / blocks);
  const { inputs, products } = layoutOf(work, strips);
  const small = Math.max(gatherScratch, outputScratch);
  const inputsAt = small;
  const productsAt = inputsAt + planes * inputs.plane;
  const { address, step } = context.privateScratch(productsAt + planes * products.plane);
  context.phase(chunks, (phase) => {
    const { fn, chunk, thread } = phase;
    const scratch = placeAt(fn, address, thread, step);
    const [inputsBase, productsBase] = [inputsAt, productsAt].map((bytes) => {
      const base = fn.local("i32");
      pointAt(fn, base, scratch);
      advance(fn, base, bytes);
      return base;
    }) as [Local, Local];
    const x = pointerTo(context, fn, work.x);
    const kernel = pointerTo(context, fn, work.kernel);
    const output = outputFunction(context, fn, work, outputsOf(products), filters);
    const { from, to } = chunkRange(fn, chunk, tiles.strips, chunks);
    const [end, count, zero] = [fn.local("i32"), fn.local("i32"), fn.local("i32")];
    upTo(fn, from, to, strips, () => {
      minimum(fn, from, strips, to);
      fn.tee(end);
      fn.get(from);
      fn.op("i32.sub");
      fn.set(count);
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
      });
      callOutput(fn, output, [productsBase, from, end, scratch, zero]);
    });
  });
}

/** A phase for each step: for large kernels, which are read but once. */
function emitPasses(context: PhaseContext, work: ConvWork): void {
  const { shape } = work;
  const { channels, filters } = shape;
  const tiles = tilesOf(shape);
  const { inputs, products } = layoutOf(work, tiles.strips);
  const small = Math.max(gatherScratch, outputScratch);
  const own = context.privateScratch(small);
  const inputsAt = context.scratch(planes * (inputs.plane + products.plane));
  const productsAt = inputsAt + planes * inputs.plane;
  const count = Math.ceil(channels / 16);
  const gathers = chunksOf(tiles.strips * count, 4 * 4 * 4 * 300);
  context.phase(gathers, ({ fn, chunk, thread }) => {
    const scratch = placeAt(fn, own.address, thread, own.step);
    const x = pointerTo(context, fn, work.x);
    clearGatherScratch(fn, scratch);
    const { from, to } = chunkRange(fn, chunk, tiles.strips, gathers);
    const target = fn.local("i32");
    pointAt(fn, target, placeAt(fn, inputsAt, from, stripTiles * channels * 4));
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
    const count = fn.local("i32");
    fn.i32(tiles.strips);
    fn.set(count);
    multiplyPlane(context, fn, work, {
      inputs,
      products,
      inputsBase: placeAt(fn, inputsAt, chunk, inputs.plane),
      productsBase: placeAt(fn, productsAt, chunk, products.plane),
      kernel: placeAt(fn, kernel, chunk, 4 * winogradKernelPlane(shape)),
      count,
    });
  });
  const outputs = chunksOf(tiles.strips, 4 * filters * 200);
  context.phase(outputs, ({ fn, chunk, thread }) => {
    const scratch = placeAt(fn, own.address, thread, own.step);
    const output = outputFunction(context, fn, work, outputsOf(products), filters);
    const { from, to } = chunkRange(fn, chunk, tiles.strips, outputs);
    const first = placeAt(fn, productsAt, from, stripTiles * panelFilters * 4);
    const zero = fn.local("i32");
    callOutput(fn, output, [first, from, to, scratch, zero]);
  });
}

/** Pushes the smaller of at + step and to. */
function minimum(fn: FunctionBuilder, at: Local, step: number, to: Local): void {
  const next = fn.local("i32");
  fn.get(at);
  fn.i32(step);
  fn.op("i32.add");
  fn.tee(next);
  fn.get(to);
  fn.get(next);
  fn.get(to);
  fn.op("i32.lt_s");
  fn.select();
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
  /** How many strips. */
  readonly count: Local;
}

function multiplyAll(
  context: PhaseContext,
  fn: FunctionBuilder,
  work: ConvWork,
  operands: Operands,
): void {
  const [inputsBase, productsBase, kernel] = [0, 1, 2].map(() => fn.local("i32")) as [
    Local,
    Local,
    Local,
  ];
  pointAt(fn, inputsBase, operands.inputsBase);
  pointAt(fn, productsBase, operands.productsBase);
  pointAt(fn, kernel, operands.kernel);
  repeat(fn, planes, () => {
    multiplyPlane(context, fn, work, { ...operands, inputsBase, productsBase, kernel });
    advance(fn, inputsBase, operands.inputs.plane);
    advance(fn, productsBase, operands.products.plane);
    advance(fn, kernel, 4 * winogradKernelPlane(work.shape));
  });
}

/** The product of one plane. */
function multiplyPlane(
  context: PhaseContext,
  fn: FunctionBuilder,
  { shape: { channels, filters } }: ConvWork,
  { products, inputsBase, productsBase, kernel, count }: Operands,
): void {
  const multiply = panelFunction(context.module, {
    k: channels,
    order: "rows",
    accumulate: false,
    strip: (channels / 4) * lineBytes,
  });
  const [panel, out] = [fn.local("i32"), fn.local("i32")];
  pointAt(fn, panel, kernel);
  pointAt(fn, out, productsBase);
  repeat(fn, Math.ceil(filters / panelFilters), () => {
    fn.get(inputsBase);
    fn.get(panel);
    fn.get(out);
    fn.get(count);
    fn.call(multiply);
    advance(fn, panel, channels * panelFilters * 4);
    advance(fn, out, products.lines * panelFilters * 4);
  });
}
