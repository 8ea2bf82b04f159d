/** @file Loop nests as WebAssembly. */
import type { LoopNest } from "../../../ir/kernel.ts";
import type { FunctionBuilder } from "../asm/index.ts";
import type { EmitContext } from "../emit.ts";
import { neutral } from "./accumulate.ts";
import { gatherStrided } from "./gather.ts";
import { partialBytes } from "./decisions.ts";
import { emitNest } from "./nest.ts";
import { type Schedule, type ScheduledReduction, mergeAxes, schedule } from "./schedule.ts";

export { mergeAxes } from "./schedule.ts";

/** Emits nests, whose axes are merged already, one after another. */
export function emitLoops(
  context: EmitContext,
  fn: FunctionBuilder,
  nests: readonly LoopNest[],
): void {
  for (const nest of nests) {
    const planned = schedule(nest);
    const empty = nest.extents.includes(0);
    for (const reduction of planned.reductions)
      // Accumulated in the output, or never reached: the neutral element has to be there first.
      if (reduction.accumulation.kind === "output" || empty)
        emitNest(context, fn, schedule(mergeAxes(neutralNest(planned, reduction))), 0);
    if (!empty) emitWhole(context, fn, planned);
  }
}

function emitWhole(context: EmitContext, fn: FunctionBuilder, planned: Schedule): void {
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
  for (const copy of copies) emitNest(withScratch, fn, schedule(mergeAxes(copy)), 0);
  emitNest(withScratch, fn, gathered, region + bytes);
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
        view: { offset: view.offset, strides: kept.map((axis) => view.strides[axis]!) },
      },
    ],
    reductions: [],
  };
}
