/** @file Loop nests as WebAssembly. */
import type { Value } from "../../../ir/graph.ts";
import type { LoopNest, Place } from "../../../ir/kernel.ts";
import type { FunctionBuilder, Local } from "../asm/index.ts";
import type { Address, Computed, EmitContext, PhasedEmitter } from "../emit.ts";
import { eachSize, scaled, sizesOf } from "../kernels/flow.ts";
import { neutral } from "./instructions.ts";
import {
  type Gathered,
  gatherStrided,
  partialBytes,
  type Schedule,
  type ScheduledReduction,
  schedule,
} from "./schedule.ts";
import { emitNest } from "./nest.ts";
import { type Split, splitNest } from "./split.ts";
import { withoutContradictions, mergeAxes } from "./nests.ts";

export { mergeAxes } from "./nests.ts";

/** Emits nests, whose axes are merged already, one after another; large ones in chunks. */
export const emitLoops: PhasedEmitter<readonly LoopNest[]> = (outer, nests) => {
  const partials = new Map<Value, Place>();
  const context = withPlaces(outer, partials);
  let whole: Planned[] = [];
  const flush = (): void => {
    const together = whole;
    if (together.length > 0)
      context.phase(1, ({ fn }) => {
        for (const planned of together) {
          const offset = planned.bytes > 0 ? context.scratch(planned.bytes) : 0;
          emitPlanned(context, fn, planned, { base: undefined, offset }, undefined);
        }
      });
    whole = [];
  };
  const emit = (nest: LoopNest, split: Split | undefined): void => {
    if (split === undefined) {
      whole.push(plan(nest));
      return;
    }
    flush();
    const { chunks, total } = split;
    const { places, bytes, folds } = split.partials;
    const region = bytes > 0 ? context.scratch(bytes) : 0;
    for (const [value, offset] of places)
      partials.set(value, { kind: "address", address: region + offset });
    const plans = new Map(sizesOf(chunks, total).map((size) => [size, plan(split.nestOf(size))]));
    const needed = Math.max(...[...plans.values()].map((planned) => planned.bytes));
    const own = needed > 0 ? context.privateScratch(needed) : undefined;
    context.phase(chunks.count, ({ fn, chunk, thread }) => {
      const scratch: Address =
        own === undefined
          ? { base: undefined, offset: 0 }
          : { base: scaled(fn, thread, own.step), offset: own.address };
      eachSize(fn, chunk, chunks, total, (size) =>
        emitPlanned(context, fn, plans.get(size)!, scratch, chunk),
      );
    });
    // These need no scratch memory, in which the partial results lie.
    for (const fold of folds.map(mergeAxes)) emit(fold, splitNest(fold, false));
  };
  for (const nest of nests.flatMap(withoutContradictions)) emit(nest, splitNest(nest));
  flush();
};

function withPlaces<C extends EmitContext>(
  context: C,
  places: ReadonlyMap<Value, Place | Computed>,
): C {
  return { ...context, place: (value) => places.get(value) ?? context.place(value) };
}

/** A nest scheduled. */
interface Planned {
  readonly scheduled: Schedule;
  readonly gathered: Gathered;
  /** Scratch memory that it needs. */
  readonly bytes: number;
}

function plan(nest: LoopNest): Planned {
  const scheduled = schedule(nest);
  const gathered = gatherStrided(scheduled);
  return { scheduled, gathered, bytes: gathered.bytes + partialBytes(gathered.schedule) };
}

function emitPlanned(
  context: EmitContext,
  fn: FunctionBuilder,
  { scheduled, gathered }: Planned,
  scratch: Address,
  chunk: Local | undefined,
): void {
  const empty = scheduled.extents.includes(0);
  for (const reduction of scheduled.reductions)
    // Accumulated in the output, or never reached: the neutral element has to be there first.
    if (reduction.accumulation.kind === "output" || empty)
      emitNest(context, fn, schedule(mergeAxes(neutralNest(scheduled, reduction))), scratch, chunk);
  if (empty) return;
  const { base } = scratch;
  const places = new Map<Value, Computed>();
  for (const [value, bytes] of gathered.places)
    places.set(value, { kind: "computed", base, offset: scratch.offset + bytes });
  const inside = withPlaces(context, places);
  for (const copy of gathered.copies)
    emitNest(inside, fn, schedule(mergeAxes(copy)), scratch, chunk);
  const vectors = { base, offset: scratch.offset + gathered.bytes };
  emitNest(inside, fn, gathered.schedule, vectors, chunk);
}

function neutralNest(
  { extents }: Schedule,
  { op, axes, value, view }: ScheduledReduction,
): LoopNest {
  const kept = extents.flatMap((_, axis) => (axes.includes(axis) ? [] : [axis]));
  const { dtype } = value;
  return {
    extents: kept.map((axis) => extents[axis]!),
    body: [{ kind: "literal", literal: neutral(op, dtype), dtype }],
    stores: [
      {
        instruction: 0,
        value,
        view: { ...view, strides: kept.map((axis) => view.strides[axis]!) },
      },
    ],
    reductions: [],
  };
}
