/** @file Folds of an axis that is cut into chunks: every chunk has partial results of its own, and these are folded at the end. */
import type { Value } from "../../../ir/graph.ts";
import type { LoopNest, Reduction } from "../../../ir/kernel.ts";
import { bytesOf } from "./schedule.ts";

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
    const step = Math.ceil((size * bytesOf(dtype)) / alignment) * alignment;
    const perChunk = step / bytesOf(dtype);
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
