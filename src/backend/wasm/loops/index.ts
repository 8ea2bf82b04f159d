/** @file Loop nests as WebAssembly. */
import type { LoopNest } from "../../../ir/kernel.ts";
import type { FunctionBuilder } from "../asm/index.ts";
import type { EmitContext } from "../emit.ts";
import { neutral } from "./accumulate.ts";
import { emitNest } from "./nest.ts";
import { schedule } from "./schedule.ts";

/** Emits nests one after another. */
export function emitLoops(
  context: EmitContext,
  fn: FunctionBuilder,
  nests: readonly LoopNest[],
): void {
  for (const nest of nests) {
    const scheduled = schedule(nest);
    const empty = nest.extents.includes(0);
    for (const reduction of scheduled.reductions)
      // Accumulated in the output, or never reached: the neutral element has to be there first.
      if (reduction.accumulation.kind === "output" || empty) {
        const kept = scheduled.extents.flatMap((_, axis) =>
          reduction.axes.includes(axis) ? [] : [axis],
        );
        const { dtype } = reduction.value;
        emitNest(
          context,
          fn,
          schedule({
            extents: kept.map((axis) => scheduled.extents[axis]!),
            body: [{ kind: "literal", literal: neutral(reduction.op, dtype), dtype }],
            stores: [
              {
                instruction: 0,
                value: reduction.value,
                view: {
                  offset: reduction.view.offset,
                  strides: kept.map((axis) => reduction.view.strides[axis]!),
                },
              },
            ],
            reductions: [],
          }),
        );
      }
    if (!empty) emitNest(context, fn, scheduled);
  }
}
