/**
 * @file The kernel's gradient by Winograd's algorithm: with V = B^T d B of a tile of inputs and Y = A g A^T of a tile of
 * the result's gradient, it is G^T M G with M the sum over all tiles of V times Y, element by element.
 */
import type { ConvFilterWork } from "../../../../../ir/kernel.ts";
import type { FunctionBuilder, Local } from "../../../asm/index.ts";
import type { PhaseContext, PhasedEmitter } from "../../../emit.ts";
import {
  copyOf,
  forRange,
  scaled,
  repeat,
  advance,
  pointAt,
  pointerTo,
  ifEquals,
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
  vectorBytes,
  inVectors,
} from "./layout.ts";
import {
  clearGatherScratch,
  gatherScratch,
  gatherStrips,
  inputImages,
  outputImages,
  type Planes,
} from "./input.ts";
import { lanesOf, vectorWidths } from "../../lanes.ts";
import { filterMatrix, Vectors } from "./matrices.ts";
import { panelFunction } from "./product.ts";
import { winogradForm, type WinogradForm } from "../../../target.ts";

/** Sums of up to so many bytes are kept by every chunk of tiles, larger ones once. */
const smallSums = 3 << 20;

/** Bytes of a block's transformed inputs and gradients, which are to stay in a second-level cache. */
const blockBytes = 1 << 20;

/** Parts of the tiles with sums of their own, at most. */
const mostParts = 8;

/**
 * Bytes of the tiles' transformed numbers that lie in memory at once, which are to stay in a third-level cache, unless there
 * are too many tiles.
 */
const passBytes = 8 << 20;
const mostPasses = 16;

/** Steps of k that a product takes at once: a panel is to stay in the first-level cache. */
const mostDepth = 256;

/** Emits the gradient of a kernel. Its sums run over the tiles in order, in parts that depend only on shapes. */
export const emitWinogradFilter: PhasedEmitter<ConvFilterWork> = (context, work) => {
  if (planesOf(work) * 4 * winogradForm(work).depth * work.shape.filters <= smallSums)
    emitParts(context, work);
  else emitPasses(context, work);
};

/** Tiles of both operands between the transforms, `lines` of them. */
interface Block {
  readonly inputs: Planes;
  readonly gradients: Planes;
}

function blockOf(work: ConvFilterWork, lines: number): Block {
  return {
    inputs: { plane: planeBytes(lines * winogradForm(work).depth), lines },
    gradients: { plane: planeBytes(lines * inPanels(work.shape.filters)), lines },
  };
}

function sumsOf(work: ConvFilterWork, parts: number): Sums {
  const plane = planeBytes(winogradForm(work).depth * inPanels(work.shape.filters));
  return { plane, parts };
}

/** Chunks of tiles, each with sums of its own, then the sum of those. */
function emitParts(context: PhaseContext, work: ConvFilterWork): void {
  const { shape } = work;
  const { filters } = shape;
  const { depth } = winogradForm(work);
  const planes = planesOf(work);
  const tiles = tilesOf(work);
  const ofTile = planes * 4 * (depth + filters);
  const flops = 2 * planes * depth * filters;
  const most = chunksOf(Math.ceil(tiles.count / 32), 32 * flops, mostParts);
  const share = Math.ceil(tiles.count / most);
  const lines = evenly(share, Math.floor(blockBytes / ofTile), stripTiles);
  const blocks = Math.ceil(tiles.count / lines);
  const parts = Math.min(most, blocks);
  const block = blockOf(work, lines);
  const sums = sumsOf(work, parts);
  const sumsAt = context.scratch(parts * planes * sums.plane);
  const gradientsAt = gatherScratch + planes * block.inputs.plane;
  const { address, step } = context.privateScratch(gradientsAt + planes * block.gradients.plane);
  context.phase(parts, ({ fn, chunk, thread }) => {
    const scratch = placeAt(fn, address, thread, step);
    const inputs = scaled(fn, scratch, 1, gatherScratch);
    const gradients = scaled(fn, scratch, 1, gradientsAt);
    const target = placeAt(fn, sumsAt, chunk, planes * sums.plane);
    const gather = gatherer(context, fn, work, block, tiles.count % lines > 0, scratch);
    clearGatherScratch(fn, scratch);
    const { from, to } = chunkRange(fn, chunk, blocks, parts);
    const strips = lines / stripTiles;
    const run = (accumulate: boolean): void => {
      const first = scaled(fn, from, strips);
      const last = scaled(fn, first, 1, strips);
      gather("inputs", first, last, inputs);
      gather("gradients", first, last, gradients);
      const [input, gradient, sum] = [inputs, gradients, target].map((base) =>
        copyOf(fn, base),
      ) as [Local, Local, Local];
      repeat(fn, planes, () => {
        multiplyPlane(context, fn, work, block, { input, gradient, sum }, accumulate);
        advance(fn, input, block.inputs.plane);
        advance(fn, gradient, block.gradients.plane);
        advance(fn, sum, sums.plane);
      });
    };
    run(false);
    advance(fn, from, 1);
    forRange(fn, from, to, 1, () => run(true));
  });
  emitFilterSums(context, work, sums, sumsAt);
}

/** All tiles' transforms, then the products plane by plane: for kernels so large that sums are to be kept but once. */
function emitPasses(context: PhaseContext, work: ConvFilterWork): void {
  const { shape } = work;
  const { filters } = shape;
  const { depth } = winogradForm(work);
  const planes = planesOf(work);
  const tiles = tilesOf(work);
  const ofTile = planes * 4 * (depth + filters);
  const most = Math.max(Math.floor(passBytes / ofTile), Math.ceil(tiles.count / mostPasses));
  const lines = evenly(tiles.count, most, stripTiles);
  const passes = Math.ceil(tiles.count / lines);
  const block = blockOf(work, lines);
  const sums = sumsOf(work, 1);
  const inputsAt = context.scratch(
    planes * (sums.plane + block.inputs.plane + block.gradients.plane),
  );
  const gradientsAt = inputsAt + planes * block.inputs.plane;
  const sumsAt = gradientsAt + planes * block.gradients.plane;
  const own = context.privateScratch(gatherScratch);
  const strips = lines / stripTiles;
  const gathers = chunksOf(strips, (depth + filters) * 300);
  for (let pass = 0; pass < passes; pass++) {
    context.phase(gathers, ({ fn, chunk, thread }) => {
      const scratch = placeAt(fn, own.address, thread, own.step);
      const gather = gatherer(context, fn, work, block, tiles.count % lines > 0, scratch);
      clearGatherScratch(fn, scratch);
      const { from, to } = chunkRange(fn, chunk, strips, gathers);
      const inputs = placeAt(fn, inputsAt, from, stripTiles * vectorBytes);
      const gradients = placeAt(fn, gradientsAt, from, stripTiles * panelFilters * 4);
      const [first, last] = [from, to].map((strip) => scaled(fn, strip, 1, pass * strips)) as [
        Local,
        Local,
      ];
      gather("inputs", first, last, inputs);
      gather("gradients", first, last, gradients);
    });
    context.phase(planes, ({ fn, chunk }) =>
      multiplyPlane(
        context,
        fn,
        work,
        block,
        {
          input: placeAt(fn, inputsAt, chunk, block.inputs.plane),
          gradient: placeAt(fn, gradientsAt, chunk, block.gradients.plane),
          sum: placeAt(fn, sumsAt, chunk, sums.plane),
        },
        pass > 0,
      ),
    );
  }
  emitFilterSums(context, work, sums, sumsAt);
}

/** Emits the transforms of the strips [from, to) of an operand. */
function gatherer(
  context: PhaseContext,
  fn: FunctionBuilder,
  work: ConvFilterWork,
  { inputs, gradients }: Block,
  beyond: boolean,
  scratch: Local,
): (operand: "inputs" | "gradients", from: Local, to: Local, target: Local) => void {
  const operands = {
    inputs: {
      images: inputImages(work),
      matrix: "input",
      order: "channels",
      planes: inputs,
      image: pointerTo(context, fn, work.x),
    },
    gradients: {
      images: outputImages(work),
      matrix: "gradient",
      order: "panels",
      planes: gradients,
      image: pointerTo(context, fn, work.gradient),
    },
  } as const;
  return (operand, from, to, target) =>
    gatherStrips(context.module, fn, {
      ...operands[operand],
      beyond,
      from,
      to,
      target,
      scratch,
    });
}

/** The product of one plane: a panel of filters against all channels, for blocks of tiles in turn. */
function multiplyPlane(
  context: PhaseContext,
  fn: FunctionBuilder,
  work: ConvFilterWork,
  { inputs: { lines } }: Block,
  { input, gradient, sum }: { input: Local; gradient: Local; sum: Local },
  accumulate: boolean,
): void {
  const rows = winogradForm(work).depth;
  const depth = evenly(lines, mostDepth, stripTiles);
  const [panel, out] = [copyOf(fn, gradient), copyOf(fn, sum)];
  const [left, right] = [fn.local("i32"), fn.local("i32")];
  repeat(fn, Math.ceil(work.shape.filters / panelFilters), () => {
    pointAt(fn, left, input);
    pointAt(fn, right, panel);
    for (let done = 0; done < lines; done += depth) {
      const k = Math.min(depth, lines - done);
      fn.get(left);
      fn.get(right);
      fn.get(out);
      fn.i32(rows / stripTiles);
      fn.call(
        panelFunction(context.module, {
          k,
          order: "steps",
          accumulate: accumulate || done > 0,
          strip: lines * vectorBytes,
          rows: stripTiles,
        }),
      );
      advance(fn, left, k * vectorBytes);
      advance(fn, right, k * panelFilters * 4);
    }
    advance(fn, panel, lines * panelFilters * 4);
    advance(fn, out, rows * panelFilters * 4);
  });
}

// The last step of the kernel's gradient: G^T M G of the sums over all tiles.

/** Sums in memory: [part][plane][panel][channel][8 filters], a plane `plane` bytes after the one before. */
export interface Sums {
  readonly plane: number;
  readonly parts: number;
}

/** Adds the phase that sums the parts in order and transforms them. */
export function emitFilterSums(
  context: PhaseContext,
  work: ConvFilterWork,
  sums: Sums,
  sumsAt: number,
): void {
  const { channels, filters, kernelWidth } = work.shape;
  const form = winogradForm(work);
  const { fold, taps, tile, depth } = form;
  const planes = tile ** 2;
  const panels = Math.ceil(filters / panelFilters);
  const chunks = chunksOf(panels, depth * planes * (sums.parts + 2) * panelFilters);
  const own = context.privateScratch((tile * taps + planes) * vectorBytes);
  const tapBytes = channels * filters * 4;
  const steps = { row: fold * kernelWidth * tapBytes, column: fold * tapBytes };
  context.phase(chunks, ({ fn, chunk, thread }) => {
    const scratch = placeAt(fn, own.address, thread, own.step);
    const out = pointerTo(context, fn, work.out);
    const { from, to } = chunkRange(fn, chunk, panels, chunks);
    const panel = (count: number): void => {
      const target = placeAt(fn, out, from, panelFilters * 4);
      const source = placeAt(fn, sumsAt, from, depth * panelFilters * 4);
      /** The channels of one of the pixels folded into one: every `fold`-th tap of the kernel. */
      const channelsFrom = (first: number): void => {
        repeat(fn, channels, () => {
          vectorWidths(lanesOf("float32"), count).forEach((width, vector) => {
            const at = vector * vectorBytes;
            addParts(fn, sums, planes, source, at, scratch);
            transformSums(fn, form, scratch, target, { ...steps, at: first + at, width });
          });
          advance(fn, source, panelFilters * 4);
          advance(fn, target, filters * 4);
        });
        advance(fn, source, (inVectors(channels) - channels) * panelFilters * 4);
        advance(fn, target, -tapBytes);
      };
      for (let y = 0; y < fold; y++)
        for (let x = 0; x < fold; x++) channelsFrom((y * kernelWidth + x) * tapBytes);
    };
    const last = filters - (panels - 1) * panelFilters;
    forRange(fn, from, to, 1, () => {
      if (last === panelFilters) panel(last);
      else
        ifEquals(
          fn,
          from,
          panels - 1,
          () => panel(last),
          () => panel(panelFilters),
        );
    });
  });
}

/** Writes the sums over the parts to scratch memory. */
function addParts(
  fn: FunctionBuilder,
  { plane, parts }: Sums,
  planes: number,
  source: Local,
  at: number,
  scratch: Local,
): void {
  const v = new Vectors(fn);
  const [from, to] = [fn.local("i32"), fn.local("i32")];
  pointAt(fn, from, source);
  pointAt(fn, to, scratch);
  repeat(fn, planes, () => {
    let sum = v.load(from, at);
    for (let part = 1; part < parts; part++)
      sum = v.add(sum, v.load(from, part * planes * plane + at));
    v.store(to, 0, sum);
    advance(fn, from, plane);
    advance(fn, to, vectorBytes);
  });
}

/** Transforms the vectors in scratch memory to the taps of the kernel, and stores `width` lanes of each. */
function transformSums(
  fn: FunctionBuilder,
  { taps, tile }: WinogradForm,
  scratch: Local,
  target: Local,
  {
    at,
    width,
    row: rowStep,
    column: columnStep,
  }: { at: number; width: number; row: number; column: number },
): void {
  const v = new Vectors(fn);
  const matrix = filterMatrix(tile, taps);
  const between = tile ** 2 * vectorBytes;
  for (let x = 0; x < tile; x++) {
    const column = Array.from({ length: tile }, (_, y) =>
      v.load(scratch, (y * tile + x) * vectorBytes),
    );
    matrix(v, column).forEach((element, y) =>
      v.store(scratch, between + (y * tile + x) * vectorBytes, element),
    );
  }
  for (let y = 0; y < taps; y++) {
    const row = Array.from({ length: tile }, (_, x) =>
      v.load(scratch, between + (y * tile + x) * vectorBytes),
    );
    matrix(v, row).forEach((element, x) =>
      v.store(target, y * rowStep + x * columnStep + at, element, width),
    );
  }
}
