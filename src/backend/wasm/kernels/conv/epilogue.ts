// What is done to the sums of a convolution before they reach memory: bias, activation, a mask, a residual.
import type { FunctionBuilder, Local } from "../../asm/index.ts";
import type { EmitContext } from "../../emit.ts";
import type { ConvWork } from "../../../../ir/kernel.ts";
import { type Lanes, lanesOf, storeLanes } from "../lanes.ts";
import { pointerTo } from "../pointers.ts";

/** Puts sums where they belong. Offsets are in bytes from the start of the result, and from the first filter. */
export interface Epilogue {
  /**
   * Finishes the sums in `vector`, those of `width` neighbouring filters at one pixel, and stores them. The first one is
   * element (`at` + `atOffset`) / bytes of the result, and filter (`filter` + `filterOffset`) / bytes; offsets >= 0.
   */
  finish(
    vector: Local,
    at: Local,
    atOffset: number,
    filter: Local,
    filterOffset: number,
    width: number,
  ): void;
}

/** The epilogue of a convolution inside the function `fn`; call it before the loops, as it loads addresses. */
export function epilogueOf(context: EmitContext, fn: FunctionBuilder, work: ConvWork): Epilogue {
  const lanes: Lanes = lanesOf(work.shape.dtype);
  const out = pointerTo(context, fn, work.out);
  const address = fn.local("i32");
  return {
    finish(vector, at, atOffset, _filter, _filterOffset, width) {
      fn.get(out);
      fn.get(at);
      fn.op("i32.add");
      fn.set(address);
      storeLanes(fn, lanes, address, atOffset, width, vector);
    },
  };
}
