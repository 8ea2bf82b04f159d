// The last step of the kernel's gradient: G^T M G of the sums over all tiles.
import { type WinogradForm, winogradForm } from "../../../../../ir/conv.ts";
import type { ConvFilterWork } from "../../../../../ir/kernel.ts";
import type { FunctionBuilder, Local } from "../../../asm/index.ts";
import type { PhaseContext } from "../../../emit.ts";
import { forRange, ifEquals } from "../../chunks.ts";
import { repeat } from "../../flow.ts";
import { lanesOf, vectorWidths } from "../../lanes.ts";
import { advance, pointAt, pointerTo } from "../../pointers.ts";
import { chunkRange, chunksOf, placeAt } from "./chunks.ts";
import { inVectors, panelFilters, vectorBytes } from "./layout.ts";
import { filterMatrix } from "./matrices.ts";
import { Vectors } from "./vectors.ts";

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
