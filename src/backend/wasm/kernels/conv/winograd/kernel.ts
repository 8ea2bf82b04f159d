// Kernels prepared for Winograd's algorithm: U = G k G^T, in panels of eight filters.
import { type WinogradForm, winogradForm, winogradKernelPlane } from "../../../../../ir/conv.ts";
import type { PrepareKernelWork } from "../../../../../ir/kernel.ts";
import type { FunctionBuilder, Local } from "../../../asm/index.ts";
import type { PhasedEmitter } from "../../../emit.ts";
import { addScaled, copyOf, divided, forRange, ifEquals } from "../../chunks.ts";
import { repeat } from "../../flow.ts";
import { advance, pointerTo } from "../../pointers.ts";
import { chunkRange, chunksOf, placeAt } from "./chunks.ts";
import { KernelSource, square, tapsBytes } from "./kernel-source.ts";
import { panelFilters, planesOf, vectorBytes } from "./layout.ts";
import { kernelMatrix } from "./matrices.ts";
import { Vectors } from "./vectors.ts";

/**
 * Emits the preparation of a kernel that lies in memory with any strides. Filters and channels are taken four by four, so that kernels
 * whose channels (rather than filters) lie side by side are read by whole vectors, too. Zeros fill up the last four
 * channels and the last panel.
 */
export const emitWinogradKernel: PhasedEmitter<PrepareKernelWork> = (context, work) => {
  const { channels, filters } = work.shape;
  const form = winogradForm(work);
  const { fold, taps, depth } = form;
  const vectors = Math.ceil(filters / 4);
  const chunks = chunksOf(vectors, depth * 1000);
  const { address, step } = context.privateScratch(tapsBytes(taps));
  context.phase(chunks, ({ fn, chunk, thread }) => {
    const scratch = placeAt(fn, address, thread, step);
    const source = new KernelSource(context, fn, work, scratch);
    const out = pointerTo(context, fn, work.out);
    const { from, to } = chunkRange(fn, chunk, vectors, chunks);
    forRange(fn, from, to, 1, () => {
      const run = (width: number): void => {
        const target = targetOf(fn, out, from, depth);
        const group = (count: number): void => {
          source.read(count, width);
          transformTaps(fn, form, scratch, target, 4 * winogradKernelPlane(work));
          advance(fn, target, square * panelFilters * 4);
        };
        for (let y = 0; y < fold; y++)
          for (let x = 0; x < fold; x++) {
            source.goTo(from, y, x);
            repeat(fn, Math.floor(channels / square), () => group(square));
            if (channels % square > 0) group(channels % square);
          }
      };
      const rest = filters % 4;
      if (rest === 0) run(4);
      else
        ifEquals(
          fn,
          from,
          vectors - 1,
          () => run(rest),
          () => run(4),
        );
    });
    if (vectors % (panelFilters / 4) > 0)
      ifEquals(fn, chunk, chunks - 1, () => clearRest(fn, work, out));
  });
};

/** A local with the address of a vector of filters, those of the first channel, in the first plane. */
function targetOf(fn: FunctionBuilder, out: Local, vector: Local, depth: number): Local {
  const { quotient: panel, rest: half } = divided(fn, vector, panelFilters / 4);
  const target = placeAt(fn, out, panel, depth * panelFilters * 4);
  addScaled(fn, target, half, vectorBytes);
  return target;
}

/** Transforms the taps of four channels, from scratch memory to the planes. */
function transformTaps(
  fn: FunctionBuilder,
  { taps, tile }: WinogradForm,
  scratch: Local,
  target: Local,
  plane: number,
): void {
  const v = new Vectors(fn);
  const matrix = kernelMatrix(tile);
  const [from, to] = [copyOf(fn, scratch), copyOf(fn, target)];
  repeat(fn, square, () => {
    const columns = Array.from({ length: taps }, (_, x) => {
      const column = Array.from({ length: taps }, (_, y) =>
        v.load(from, (y * taps + x) * vectorBytes),
      );
      return matrix(v, column);
    });
    for (let y = 0; y < tile; y++) {
      const row = columns.map((column) => column[y]!);
      matrix(v, row).forEach((element, x) => v.store(to, (y * tile + x) * plane, element));
    }
    advance(fn, from, taps * taps * vectorBytes);
    advance(fn, to, panelFilters * 4);
  });
}

/** Zeroes the second half of the last panel. */
function clearRest(fn: FunctionBuilder, work: PrepareKernelWork, out: Local): void {
  const { filters } = work.shape;
  const { depth } = winogradForm(work);
  const plane = 4 * winogradKernelPlane(work);
  const at = copyOf(fn, out);
  advance(fn, at, Math.floor(filters / panelFilters) * depth * panelFilters * 4 + vectorBytes);
  repeat(fn, planesOf(work), () => {
    repeat(fn, depth, () => {
      fn.get(at);
      fn.v128({ f32x4: [0, 0, 0, 0] });
      fn.store("v128.store", 0, 4);
      advance(fn, at, panelFilters * 4);
    });
    advance(fn, at, plane - depth * panelFilters * 4);
  });
}
