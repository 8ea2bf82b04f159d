/**
 * @file Strided loads that an outer loop repeats (a column of a weight matrix, for every sample) are gathered once, before
 * the nest, into scratch memory: the loop then reads whole vectors.
 */
import type { Value } from "../../../ir/graph.ts";
import type { Instruction, LoopNest } from "../../../ir/kernel.ts";
import { type Schedule, bytesOf } from "./schedule.ts";

/** Repetitions from which a load is worth gathering. */
const worthwhile = 4;

export interface Gathered {
  /** Copies to run first. */
  readonly copies: readonly LoopNest[];
  /** Where the copies go: bytes from the start of the scratch region. */
  readonly places: ReadonlyMap<Value, number>;
  readonly bytes: number;
  /** The schedule with the loads replaced. */
  readonly schedule: Schedule;
}

export function gatherStrided(schedule: Schedule): Gathered {
  const copies: LoopNest[] = [];
  const places = new Map<Value, number>();
  let bytes = 0;
  const body = schedule.body.map((instruction): Instruction => {
    if (instruction.kind !== "load" || !repeatsStrided(schedule, instruction.view.strides))
      return instruction;
    const { dtype, view } = instruction;
    const kept = schedule.extents.flatMap((_, loop) => (view.strides[loop] === 0 ? [] : [loop]));
    // The vector axis is innermost, and so contiguous.
    const extents = kept.map((loop) => schedule.extents[loop]!);
    const value: Value = { id: -1, shape: extents, dtype, node: null };
    const strides = new Array<number>(schedule.extents.length).fill(0);
    let stride = 1;
    for (const loop of [...kept].reverse()) {
      strides[loop] = stride;
      stride *= schedule.extents[loop]!;
    }
    places.set(value, bytes);
    bytes += Math.ceil((stride * bytesOf(dtype)) / 64) * 64;
    const along = (list: readonly number[]): number[] => kept.map((loop) => list[loop]!);
    copies.push({
      extents,
      body: [{ ...instruction, view: { ...view, strides: along(view.strides) } }],
      stores: [{ instruction: 0, value, view: { offset: 0, strides: along(strides) } }],
      reductions: [],
    });
    return { kind: "load", value, view: { offset: 0, strides }, dtype };
  });
  return { copies, places, bytes, schedule: { ...schedule, body } };
}

function repeatsStrided({ extents, vector }: Schedule, strides: readonly number[]): boolean {
  if (vector < 0 || vector !== extents.length - 1) return false;
  if (strides[vector] === 0 || strides[vector] === 1) return false;
  let repetitions = 1;
  for (let loop = 0; loop < vector; loop++) if (strides[loop] === 0) repetitions *= extents[loop]!;
  return repetitions >= worthwhile;
}
