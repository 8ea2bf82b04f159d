/** @file What is done to the sums of a convolution before they reach memory: bias, activation, a mask, a residual. */
import type { Value } from "../../../../ir/graph.ts";
import type { ConvWork, Instruction, LoopNest } from "../../../../ir/kernel.ts";
import type { FunctionBuilder, Local } from "../../asm/index.ts";
import type { EmitContext } from "../../emit.ts";
import { emitInstruction, splatLiteral } from "../../loops/instructions.ts";
import { type Lanes, lanesOf, loadLanes, storeLanes } from "../lanes.ts";
import { pointerTo } from "../flow.ts";

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
  const lanes = lanesOf(work.shape.dtype);
  if (work.epilogue !== undefined)
    return new FusedEpilogue(context, fn, lanes, work.out, work.epilogue);
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

/** Where the vectors at hand lie. */
interface Here {
  readonly vector: Local;
  readonly at: Local;
  readonly atOffset: number;
  readonly filter: Local;
  readonly filterOffset: number;
  readonly width: number;
}

class FusedEpilogue implements Epilogue {
  readonly #context: EmitContext;
  readonly #fn: FunctionBuilder;
  readonly #lanes: Lanes;
  readonly #out: Value;
  readonly #nest: LoopNest;
  readonly #pointers = new Map<Value, Local>();
  readonly #results: readonly Local[];
  readonly #address: Local;
  /** Which axis of the nest runs along the filters. */
  readonly #filterAxis: number;

  constructor(context: EmitContext, fn: FunctionBuilder, lanes: Lanes, out: Value, nest: LoopNest) {
    this.#context = context;
    this.#fn = fn;
    this.#lanes = lanes;
    this.#out = out;
    this.#nest = nest;
    this.#results = nest.body.map(() => fn.local("v128"));
    this.#address = fn.local("i32");
    this.#filterAxis = nest.stores[0]!.view.strides.indexOf(1);
    const values = [
      ...nest.body.flatMap((instruction) =>
        instruction.kind === "load" && !this.#isSum(instruction) ? [instruction.value] : [],
      ),
      ...nest.stores.map(({ value }) => value),
    ];
    for (const value of new Set(values)) this.#pointers.set(value, pointerTo(context, fn, value));
  }

  finish(
    vector: Local,
    at: Local,
    atOffset: number,
    filter: Local,
    filterOffset: number,
    width: number,
  ): void {
    const fn = this.#fn;
    const here = { vector, at, atOffset, filter, filterOffset, width };
    this.#nest.body.forEach((instruction, index) => {
      if (this.#isSum(instruction)) return;
      this.#instruction(instruction, here);
      fn.set(this.#results[index]!);
    });
    for (const { instruction, value } of this.#nest.stores) {
      let result = this.#result(instruction, here);
      if (value.dtype === "bool") {
        const number = fn.local("v128");
        fn.get(result);
        fn.op("i32x4.neg");
        fn.set(number);
        result = number;
      }
      storeLanes(fn, this.#lanes, this.#at(value, at), atOffset, width, result);
    }
  }

  #isSum(instruction: Instruction): boolean {
    return instruction.kind === "load" && instruction.value === this.#out;
  }

  #result(index: number, { vector }: Here): Local {
    return this.#isSum(this.#nest.body[index]!) ? vector : this.#results[index]!;
  }

  /** A pointer `place` bytes after a value's first element, good until the next call. */
  #at(value: Value, place: Local): Local {
    const fn = this.#fn;
    fn.get(this.#pointers.get(value)!);
    fn.get(place);
    fn.op("i32.add");
    fn.set(this.#address);
    return this.#address;
  }

  #instruction(instruction: Instruction, here: Here): void {
    const fn = this.#fn;
    const { body } = this.#nest;
    if (instruction.kind === "load") return this.#load(instruction, here);
    if (instruction.kind === "index") throw new TypeError("an epilogue has no indices");
    if (instruction.kind === "literal")
      return splatLiteral(fn, instruction.literal, instruction.dtype);
    emitInstruction(
      this.#context,
      fn,
      instruction,
      (operand) => fn.get(this.#result(operand, here)),
      body,
      this.#lanes.count,
    );
  }

  #load(
    { value, view, dtype }: Extract<Instruction, { kind: "load" }>,
    { at, atOffset, filter, filterOffset, width }: Here,
  ): void {
    const fn = this.#fn;
    const { bytes, count } = this.#lanes;
    const offset = view.offset * bytes;
    if (view.strides.every((stride) => stride === 0))
      loadLanes(fn, this.#lanes, this.#pointers.get(value)!, offset, count, 0);
    else if (view.strides.every((stride, axis) => axis === this.#filterAxis || stride === 0))
      loadLanes(fn, this.#lanes, this.#at(value, filter), offset + filterOffset, width);
    else loadLanes(fn, this.#lanes, this.#at(value, at), offset + atOffset, width);
    if (dtype === "bool") fn.op("i32x4.neg");
  }
}
