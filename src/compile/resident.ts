/** @file A compiled function whose state stays in kernel memory between calls: the body of a training loop. */
import { writeElements } from "../backend/backend.ts";
import { ArgumentError, complaint } from "../base/errors.ts";
import { type TensorType, typeOf } from "../ir/graph.ts";
import type { Pointer } from "../ir/host.ts";
import { sameShape } from "../ir/shape.ts";
import { type Tensor, concreteElements } from "../ir/tensor.ts";
import { trace, untraced } from "../ir/trace.ts";
import { type TreeDef, flatten } from "../ir/tree.ts";
import { backend } from "./engine.ts";
import { readTensor } from "./evaluate.ts";
import { typeKey } from "../ir/key.ts";
import { paddedBytes } from "./plan.ts";
import { Holdings } from "./holdings.ts";
import { Program } from "./program.ts";
import { listingOf } from "./listing.ts";

/** A function of a state and a batch, whose state lives in kernel memory. */
export interface Resident<S, B, R> {
  /** One call: the state moves on, the output comes back. */
  call(batch: B): R;
  /** A copy of the state as it is now; assign to replace it. */
  state: S;
  /** The graph, kernels and memory plan for batches like this. */
  listing(batch: B): string;
}

interface Compiled {
  readonly program: Program;
  readonly holdings: Holdings;
  readonly batch: readonly Pointer[];
  readonly outputs: readonly Pointer[];
  readonly result: TreeDef;
}

/** Where the state lies, and whether a step is under way: as long as anybody can call, this is alive. */
interface Buffers {
  /** Read by the next step. */
  now: readonly Pointer[];
  /** Written by the next step. */
  next: readonly Pointer[];
  running: boolean;
}

const orphans = new FinalizationRegistry<{ blocks: Holdings; compiled: Map<string, Compiled> }>(
  ({ blocks, compiled }) => {
    blocks.release();
    for (const { holdings } of compiled.values()) holdings.release();
  },
);

/**
 * Compiles `fn` once for each signature of the batch. The state is written to one of two buffers while the other is read,
 * and they change places: nothing is copied. The new state must have the structure, shapes and dtypes of the old.
 */
export function resident<S, B, R>(
  fn: (state: S, batch: B) => { state: S; output: R },
  initial: S,
): Resident<S, B, R> {
  const who = "resident";
  const { leaves: first, def } = flatten(`state of ${who}`, initial);
  const types = first.map(typeOf);
  const blocks = new Holdings(backend());
  const { memory } = blocks.backend;
  const elements = first.map((leaf) => concreteElements(leaf, who));
  const place = (): Pointer[] => types.map((type) => blocks.allocate(paddedBytes(type)));
  const buffers: Buffers = { now: place(), next: place(), running: false };
  elements.forEach((array, index) => writeElements(memory, buffers.now[index]!, array));
  const count = types.length;
  const compiled = new Map<string, Compiled>();

  const compileFor = (leaves: readonly Tensor[], batchDef: TreeDef): Compiled => {
    const key = `${batchDef.key} ${leaves.map(typeKey).join(" ")}`;
    let found = compiled.get(key);
    if (found !== undefined) return found;
    let result: TreeDef | undefined;
    const traced = trace(
      (...placeholders) => {
        const out = fn(
          def.rebuild(placeholders.slice(0, count)) as S,
          batchDef.rebuild(placeholders.slice(count)) as B,
        );
        const state = flatten(`new state of ${who}`, out.state);
        checkState(types, def, state.leaves, state.def);
        const output = flatten(`output of ${who}`, out.output);
        result = output.def;
        return [...state.leaves, ...output.leaves];
      },
      [...types, ...leaves],
    );
    for (const tensor of traced.captured) concreteElements(tensor, who);
    const holdings = new Holdings(blocks.backend);
    try {
      const program = untraced(() => new Program(traced.graph, "step", holdings, traced.captured));
      const { inputs, outputs } = bindFrom(program, count, leaves.length, holdings);
      const batch = inputs;
      found = { program, holdings, batch, outputs, result: result! };
    } catch (error) {
      holdings.release();
      throw error;
    }
    compiled.set(key, found);
    return found;
  };

  const self: Resident<S, B, R> = {
    call(batch) {
      if (buffers.running)
        throw new ArgumentError(
          "resident: called from within itself. Start the next call when this one is over.",
        );
      const { leaves, def: batchDef } = flatten("batch", batch);
      const step = compileFor(leaves, batchDef);
      for (let index = 0; index < types.length; index++) {
        step.program.bindInput(index, buffers.now[index]!);
        step.program.bindOutput(index, buffers.next[index]!);
      }
      for (let index = 0; index < leaves.length; index++)
        writeElements(memory, step.batch[index]!, concreteElements(leaves[index]!, "batch"));
      buffers.running = true;
      try {
        untraced(() => step.program.run());
      } finally {
        buffers.running = false;
      }
      [buffers.now, buffers.next] = [buffers.next, buffers.now];
      const results = step.program.graph.outputs.slice(count);
      return step.result.rebuild(
        results.map((type, index) => readTensor(memory, type, step.outputs[index]!)),
      ) as R;
    },
    get state() {
      return def.rebuild(
        types.map((type, index) => readTensor(memory, type, buffers.now[index]!)),
      ) as S;
    },
    set state(value: S) {
      const given = flatten("state", value);
      checkState(types, def, given.leaves, given.def);
      const arrays = given.leaves.map((leaf) => concreteElements(leaf, "state"));
      arrays.forEach((array, index) => writeElements(memory, buffers.now[index]!, array));
    },
    listing(batch) {
      const { leaves, def: batchDef } = flatten("batch", batch);
      return listingOf(compileFor(leaves, batchDef).program);
    },
  };
  orphans.register(buffers, { blocks, compiled });
  return self;
}

/** Gives the `batch` inputs and all outputs of a program after the first `count` memory of their own. */
function bindFrom(
  program: Program,
  count: number,
  batch: number,
  holdings: Holdings,
): { inputs: Pointer[]; outputs: Pointer[] } {
  const place = (
    types: readonly TensorType[],
    bind: (index: number, pointer: Pointer) => void,
  ): Pointer[] =>
    types.slice(count).map((type, index) => {
      const pointer = holdings.allocate(paddedBytes(type));
      bind(count + index, pointer);
      return pointer;
    });
  return {
    inputs: place(program.graph.inputs.slice(0, count + batch), (index, pointer) =>
      program.bindInput(index, pointer),
    ),
    outputs: place(program.graph.outputs, (index, pointer) => program.bindOutput(index, pointer)),
  };
}

function checkState(
  types: readonly TensorType[],
  def: TreeDef,
  leaves: readonly Tensor[],
  newDef: TreeDef,
): void {
  if (newDef.key !== def.key)
    throw new ArgumentError(
      complaint("new state", `the structure of the old, ${def.key}`, newDef.key),
    );
  leaves.forEach((leaf, index) => {
    const old = types[index]!;
    if (!sameShape(old.shape, leaf.shape) || old.dtype !== leaf.dtype)
      throw new ArgumentError(
        complaint(`new state at ${def.paths[index]}`, typeKey(old), typeKey(leaf)),
      );
  });
}
