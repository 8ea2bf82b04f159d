/** @file Large nests are cut along an axis that no reduction folds, into chunks that threads may share. */
import type { LoopNest, View } from "../../../ir/kernel.ts";
import { type Cut, cut } from "../kernels/chunks.ts";
import { workOf } from "./schedule.ts";

/** A nest over one chunk. The last chunk may be shorter, and then has a nest of its own. */
export interface Split {
  readonly chunks: Cut;
  /** Extent of the axis that is cut. */
  readonly total: number;
  /** The nest over a chunk of `size` elements of the axis. */
  nestOf(size: number): LoopNest;
}

/** Instructions, counted by element, that are worth a chunk: some five microseconds. */
const chunkWork = 60_000;
const mostChunks = 16;
/** Chunks of neighbouring elements are whole lines of the cache, or more. */
const unit = 64;
/**
 * Where a fold walks across them they are whole pages, unless all of it stays in a second-level cache: shorter runs of
 * memory, far apart, come at a tenth of the speed.
 */
const foldedUnit = { near: 16, far: 2048 } as const;
const cachedElements = 1 << 17;

/** How a nest is cut, or undefined if it is too small or folds along every axis. Axes are merged already. */
export function splitNest(nest: LoopNest): Split | undefined {
  const size = nest.extents.reduce((product, extent) => product * extent, 1);
  const perElement = nest.body.reduce((sum, instruction) => sum + workOf(instruction), 1);
  const most = Math.min(mostChunks, Math.floor((size * perElement) / chunkWork));
  if (most < 2) return undefined;
  const axis = axisToCut(nest);
  if (axis === undefined) return undefined;
  const total = nest.extents[axis]!;
  const chunks = cut(total, 1, most, unitOf(nest, axis, size));
  if (chunks.count < 2) return undefined;
  return { chunks, total, nestOf: (count) => chunkOf(nest, axis, count, chunks.size) };
}

/** How many neighbours along an axis stay in one chunk. */
function unitOf(nest: LoopNest, axis: number, size: number): number {
  if (foldsAcross(nest, axis)) return size <= cachedElements ? foldedUnit.near : foldedUnit.far;
  const near = [...nest.stores, ...nest.reductions].some(({ view }) => view.strides[axis] === 1);
  return near ? Math.min(unit, Math.ceil(nest.extents[axis]! / 8)) : 1;
}

/** Whether a fold reads neighbours along the axis from rows of memory, one after the other. */
function foldsAcross({ body, reductions }: LoopNest, axis: number): boolean {
  const folded = reductions.flatMap(({ axes }) => axes);
  return body.some(
    (instruction) =>
      instruction.kind === "load" &&
      instruction.view.strides[axis] === 1 &&
      folded.some((along) => instruction.view.strides[along] !== 0),
  );
}

/** The outermost axis with room for chunks, else the longest. */
function axisToCut({ extents, reductions }: LoopNest): number | undefined {
  const free = extents.flatMap((_, axis) =>
    reductions.some(({ axes }) => axes.includes(axis)) ? [] : [axis],
  );
  const roomy = free.find((axis) => extents[axis]! >= mostChunks);
  return roomy ?? free.sort((a, b) => extents[b]! - extents[a]!)[0];
}

function chunkOf(nest: LoopNest, axis: number, count: number, size: number): LoopNest {
  const shifted = (view: View): View => ({ ...view, perChunk: size * view.strides[axis]! });
  return {
    extents: nest.extents.map((extent, index) => (index === axis ? count : extent)),
    body: nest.body.map((instruction) =>
      instruction.kind === "load" || instruction.kind === "index"
        ? { ...instruction, view: shifted(instruction.view) }
        : instruction,
    ),
    stores: nest.stores.map((store) => ({ ...store, view: shifted(store.view) })),
    reductions: nest.reductions.map((reduction) => ({
      ...reduction,
      view: shifted(reduction.view),
    })),
  };
}
