/**
 * @file Large nests are cut along an axis into chunks that threads may share. If a reduction folds that axis, each chunk
 * has partial results of its own, which are folded in the order of the chunks.
 */
import { kernelBytes } from "../../../ir/dtype.ts";
import type { LoopNest, View, Reduction } from "../../../ir/kernel.ts";
import { type Cut, cut } from "../kernels/flow.ts";
import type { Value } from "../../../ir/graph.ts";
import { foldOrder, mapViews, workOf } from "./nests.ts";

/** A nest over one chunk. The last chunk may be shorter, and then has a nest of its own. */
export interface Split {
  readonly chunks: Cut;
  /** Extent of the axis that is cut. */
  readonly total: number;
  readonly partials: PartialResults;
  /** The nest over a chunk of `size` elements of the axis. */
  nestOf(size: number): LoopNest;
}

/** Instructions, counted by element, that are worth a chunk: some five microseconds. */
const chunkWork = 60_000;
const mostChunks = 16;
/** Chunks of neighbouring elements are whole lines of the cache, or more; whole vectors where there are few. */
const unit = 64;
const vector = 4;
/**
 * Where a fold walks across them they are whole pages, unless all of it stays in a second-level cache: shorter runs of
 * memory, far apart, come at a tenth of the speed.
 */
const foldedUnit = { near: 16, far: 2048 } as const;
const cachedElements = 1 << 17;
/** A partial result is worth it where so many instructions go into it. */
const workOfPartial = 16;

/**
 * How a nest is cut, or undefined if it is too small. Axes are merged already. Best is an axis that no reduction folds; with
 * `folded`, others will do where those give few chunks.
 */
export function splitNest(nest: LoopNest, folded = true): Split | undefined {
  const size = nest.extents.reduce((product, extent) => product * extent, 1);
  const perElement = nest.body.reduce((sum, instruction) => sum + workOf(instruction), 1);
  const work = size * perElement;
  const most = Math.min(mostChunks, Math.floor(work / chunkWork));
  if (most < 2) return undefined;
  let best: { readonly axis: number; readonly chunks: Cut } | undefined;
  for (const axis of axesToCut(nest, folded)) {
    const worthwhile = Math.floor(work / (workOfPartial * partialsOf(nest, axis)));
    const room = Math.max(1, Math.min(most, worthwhile));
    const chunks = cut(nest.extents[axis]!, 1, room, unitOf(nest, axis, size));
    if (chunks.count > (best?.chunks.count ?? 1)) best = { axis, chunks };
    if (2 * chunks.count >= most) break;
  }
  if (best === undefined) return undefined;
  const { axis, chunks } = best;
  const partials = withPartialResults(nest, axis, chunks.count);
  const nestOf = (count: number): LoopNest => chunkOf(partials.nest, axis, count, chunks.size);
  return { chunks, total: nest.extents[axis]!, partials, nestOf };
}

/** How many neighbours along an axis stay in one chunk. */
function unitOf(nest: LoopNest, axis: number, size: number): number {
  if (foldsAcross(nest, axis)) return size <= cachedElements ? foldedUnit.near : foldedUnit.far;
  const written = [...nest.stores, ...nest.reductions].map(({ view }) => view);
  // What folds the axis is read along it, and written nowhere.
  const views = isFolded(nest, axis) ? [...written, ...viewsRead(nest)] : written;
  const near = views.some(({ strides }) => strides[axis] === 1);
  return near ? Math.min(unit, Math.ceil(nest.extents[axis]! / 8 / vector) * vector) : 1;
}

const isFolded = ({ reductions }: LoopNest, axis: number): boolean =>
  reductions.some(({ axes }) => axes.includes(axis));

/** Whether partial results of the axis are allowed: the cut follows from all extents, so sums of single rows must stay whole. */
const mayCutFold = (nest: LoopNest, axis: number): boolean =>
  nest.reductions.every(
    (reduction) =>
      !reduction.axes.includes(axis) ||
      reduction.invariant?.acrossRows === true ||
      foldOrder(nest, reduction).kind === "any",
  );

const viewsRead = ({ body }: LoopNest): View[] =>
  body.flatMap((instruction) => (instruction.kind === "load" ? [instruction.view] : []));

/** Whether a fold along another axis reads neighbours along this one from rows of memory, one after the other. */
function foldsAcross(nest: LoopNest, axis: number): boolean {
  const folded = nest.reductions.flatMap(({ axes }) => axes).filter((along) => along !== axis);
  return viewsRead(nest).some(
    ({ strides }) => strides[axis] === 1 && folded.some((along) => strides[along] !== 0),
  );
}

/** Axes in the order of preference: those that nothing folds; outermost ones with room for chunks, else the longest. */
function axesToCut(nest: LoopNest, folded: boolean): number[] {
  const room = (axis: number): number => Math.min(nest.extents[axis]!, mostChunks);
  const all = [...nest.extents.keys()].sort((a, b) => room(b) - room(a));
  const free = all.filter((axis) => !isFolded(nest, axis));
  if (!folded) return free;
  return [...free, ...all.filter((axis) => isFolded(nest, axis) && mayCutFold(nest, axis))];
}

function chunkOf(nest: LoopNest, axis: number, count: number, size: number): LoopNest {
  return mapViews(
    nest,
    nest.extents.map((extent, index) => (index === axis ? count : extent)),
    (view: View) => ({
      ...view,
      perChunk: (view.perChunk ?? 0) + size * view.strides[axis]!,
    }),
    (axes) => [...axes],
  );
}

// Folds of an axis that is cut into chunks: every chunk has partial results of its own, and these are folded at the end.

export interface PartialResults {
  /** The nest, with the partial results of its chunk in place of what folds the axis. */
  readonly nest: LoopNest;
  /** Where those of the first chunk lie: bytes from the start of `bytes` bytes of scratch memory. */
  readonly places: ReadonlyMap<Value, number>;
  readonly bytes: number;
  /** What is to be run when all chunks are done: results from partial results, in the order of the chunks. */
  readonly folds: readonly LoopNest[];
}

/** Threads write to lines of their own, two at a time as processors fetch them. */
const alignment = 128;

const foldsOf = ({ reductions }: LoopNest, axis: number): readonly Reduction[] =>
  reductions.filter(({ axes }) => axes.includes(axis));

/** How many partial results a chunk of the axis has. */
export function partialsOf(nest: LoopNest, axis: number): number {
  return foldsOf(nest, axis).reduce(
    (sum, { axes }) =>
      sum + nest.extents.reduce((size, n, other) => (axes.includes(other) ? size : size * n), 1),
    0,
  );
}

/** The nest for a cut of the axis into `count` chunks. */
export function withPartialResults(nest: LoopNest, axis: number, count: number): PartialResults {
  const places = new Map<Value, number>();
  const folds: LoopNest[] = [];
  const folded = foldsOf(nest, axis);
  let bytes = 0;
  const reductions = nest.reductions.map((reduction): Reduction => {
    if (!folded.includes(reduction)) return reduction;
    const { op, axes, view } = reduction;
    const { dtype } = reduction.value;
    // In the order of the result's elements, so that vectors of it are vectors here.
    const kept = nest.extents
      .flatMap((_, other) => (axes.includes(other) ? [] : [other]))
      .sort((a, b) => Math.abs(view.strides[b]!) - Math.abs(view.strides[a]!));
    const strides = nest.extents.map(() => 0);
    let size = 1;
    for (const other of kept.toReversed()) {
      strides[other] = size;
      size *= nest.extents[other]!;
    }
    const step = Math.ceil((size * kernelBytes[dtype]) / alignment) * alignment;
    const perChunk = step / kernelBytes[dtype];
    const value: Value = { id: -1, shape: [count * perChunk], dtype, node: null };
    places.set(value, bytes);
    bytes += count * step;
    const along = (list: readonly number[]): number[] => kept.map((other) => list[other]!);
    folds.push({
      extents: [count, ...along(nest.extents)],
      body: [
        {
          kind: "load",
          value,
          view: { offset: 0, strides: [perChunk, ...along(strides)] },
          dtype,
        },
      ],
      stores: [],
      reductions: [
        {
          instruction: 0,
          value: reduction.value,
          view: { ...view, strides: [0, ...along(view.strides)] },
          op,
          axes: [0],
        },
      ],
    });
    return { ...reduction, value, view: { offset: 0, strides, perChunk } };
  });
  return { nest: { ...nest, reductions }, places, bytes, folds };
}
