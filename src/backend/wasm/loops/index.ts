/** @file Loop nests as WebAssembly. */
import type { LoopNest } from "../../../ir/kernel.ts";
import type { FunctionBuilder, Local } from "../asm/index.ts";
import type { EmitContext, PhasedEmitter } from "../emit.ts";
import { eachSize } from "../kernels/chunks.ts";
import { neutral } from "./accumulate.ts";
import { gatherStrided } from "./gather.ts";
import { partialBytes } from "./decisions.ts";
import { emitNest } from "./nest.ts";
import { type Schedule, type ScheduledReduction, mergeAxes, schedule } from "./schedule.ts";
import { splitNest } from "./split.ts";

export { mergeAxes } from "./schedule.ts";

/** Emits nests, whose axes are merged already, one after another; large ones in chunks. */
export const emitLoops: PhasedEmitter<readonly LoopNest[]> = (context, nests) => {
  let whole: LoopNest[] = [];
  const flush = (): void => {
    const together = whole;
    if (together.length > 0)
      context.phase(1, ({ fn }) => {
        for (const nest of together) emitOne(context, fn, nest, undefined);
      });
    whole = [];
  };
  for (const nest of nests) {
    const split = splitNest(nest);
    if (split === undefined || wantsScratch(split.nestOf(split.chunks.size))) {
      whole.push(nest);
      continue;
    }
    flush();
    const { chunks, total } = split;
    context.phase(chunks.count, ({ fn, chunk }) =>
      eachSize(fn, chunk, chunks, total, (size) => emitOne(context, fn, split.nestOf(size), chunk)),
    );
  }
  flush();
};

/** Scratch memory is everybody's: what needs it is not cut. */
function wantsScratch(nest: LoopNest): boolean {
  const { bytes, schedule: gathered } = gatherStrided(schedule(nest));
  return bytes + partialBytes(gathered) > 0;
}

function emitOne(
  context: EmitContext,
  fn: FunctionBuilder,
  nest: LoopNest,
  chunk: Local | undefined,
): void {
  const planned = schedule(nest);
  const empty = nest.extents.includes(0);
  for (const reduction of planned.reductions)
    // Accumulated in the output, or never reached: the neutral element has to be there first.
    if (reduction.accumulation.kind === "output" || empty)
      emitNest(context, fn, schedule(mergeAxes(neutralNest(planned, reduction))), 0, chunk);
  if (!empty) emitWhole(context, fn, planned, chunk);
}

function emitWhole(
  context: EmitContext,
  fn: FunctionBuilder,
  planned: Schedule,
  chunk: Local | undefined,
): void {
  const { copies, places, bytes, schedule: gathered } = gatherStrided(planned);
  const needed = bytes + partialBytes(gathered);
  const region = needed === 0 ? 0 : context.scratch(needed);
  const withScratch: EmitContext = {
    ...context,
    place(value) {
      const offset = places.get(value);
      return offset === undefined
        ? context.place(value)
        : { kind: "address", address: region + offset };
    },
  };
  for (const copy of copies) emitNest(withScratch, fn, schedule(mergeAxes(copy)), 0, chunk);
  emitNest(withScratch, fn, gathered, region + bytes, chunk);
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
