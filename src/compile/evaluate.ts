/** @file The evaluator of graphs outside traces: compiled programs, kept under the structure of their graphs. */
import type { Graph, TensorType } from "../ir/graph.ts";
import type { Pointer } from "../ir/host.ts";
import { sizeOf } from "../ir/shape.ts";
import { Tensor, concreteElements } from "../ir/tensor.ts";
import { installEvaluator, untraced } from "../ir/trace.ts";
import { type Memory, readElements, writeElements } from "../backend/backend.ts";
import { backend, backendName } from "./engine.ts";
import { keyOf } from "../ir/key.ts";
import { inlineCalls } from "./passes/inline-calls.ts";
import { Holdings } from "./holdings.ts";
import { Program } from "./program.ts";

/** A tensor with a copy of the elements at an address. */
export function readTensor(memory: Memory, type: TensorType, pointer: Pointer): Tensor {
  const elements = readElements(memory, pointer, type.dtype, sizeOf(type.shape));
  return new Tensor({ shape: type.shape, dtype: type.dtype }, elements);
}

/** A program with memory of its own for inputs and outputs, called with tensors. */
export class Executable {
  readonly program: Program;
  private readonly holdings: Holdings;
  private readonly inputs: readonly number[];
  private readonly outputs: readonly number[];
  /** Kernel memory held once everything is compiled. */
  readonly bytes: number;
  private busy = false;

  /** The last inputs of the graph are the captured tensors. */
  constructor(
    graph: Graph,
    name: string,
    captured: readonly Tensor[] = [],
    batchInvariant = false,
  ) {
    this.holdings = new Holdings(backend(), batchInvariant);
    try {
      this.program = untraced(() => new Program(graph, name, this.holdings, captured));
      const own = this.program.bindOwn();
      this.inputs = own.inputs;
      this.outputs = own.outputs;
    } catch (error) {
      this.holdings.release();
      throw error;
    }
    this.bytes = this.holdings.bytes;
  }

  /** Whether a call is under way: a callback of a host operation may come back here. */
  get running(): boolean {
    return this.busy;
  }

  /** Copies inputs in (the first ones, as many as given), runs, copies outputs out. Host operations find `caller` in their context. */
  call(inputs: readonly Tensor[], caller?: unknown): Tensor[] {
    const { memory } = this.holdings.backend;
    this.busy = true;
    this.holdings.caller = caller;
    try {
      for (let index = 0; index < inputs.length; index++)
        writeElements(
          memory,
          this.inputs[index]!,
          concreteElements(inputs[index]!, this.program.name),
        );
      untraced(() => this.program.run());
      return this.program.graph.outputs.map((output, index) =>
        readTensor(memory, output, this.outputs[index]!),
      );
    } finally {
      this.busy = false;
      this.holdings.caller = undefined;
    }
  }

  release(): void {
    this.holdings.release();
  }
}

/** Programs kept for graphs seen before, the longest unused first, and the kernel memory they hold. */
const kept = new Map<string, Executable>();
const maxKept = 512;
const maxBytes = 24 * 1024 * 1024;
let keptBytes = 0;

/** Runs a graph on concrete tensors. Host operations find `caller` in their context while it runs. */
export function evaluate(source: Graph, inputs: readonly Tensor[], caller?: unknown): Tensor[] {
  const graph = inlineCalls(source, backend().claims);
  const key = keyOf(backendName(), graph);
  const found = kept.get(key);
  if (found !== undefined && !found.running) {
    kept.delete(key);
    kept.set(key, found);
    return found.call(inputs, caller);
  }
  const executable = makeExecutable(
    graph,
    graph.nodes.length === 1 ? graph.nodes[0]!.prim : "graph",
  );
  if (found !== undefined) {
    // Called again from within itself: a second instance, for this call only.
    try {
      return executable.call(inputs, caller);
    } finally {
      executable.release();
    }
  }
  keep(key, executable);
  return executable.call(inputs, caller);
}

function keep(key: string, executable: Executable): void {
  kept.set(key, executable);
  keptBytes += executable.bytes;
  shrink(maxKept, maxBytes, executable);
}

/** Lets go of the longest unused until what is left fits; not of those under way, nor of the latest. */
function shrink(count: number, bytes: number, latest?: Executable): void {
  for (const [oldest, candidate] of kept) {
    if (kept.size <= count && keptBytes <= bytes) return;
    if (candidate.running || candidate === latest) continue;
    kept.delete(oldest);
    keptBytes -= candidate.bytes;
    candidate.release();
  }
}

/** An executable; where memory is short, programs that are merely kept give way. */
export function makeExecutable(
  graph: Graph,
  name: string,
  captured: readonly Tensor[] = [],
  batchInvariant = false,
): Executable {
  try {
    return new Executable(graph, name, captured, batchInvariant);
  } catch (error) {
    if (!(error instanceof RangeError) || kept.size === 0) throw error;
    shrink(0, 0);
    return new Executable(graph, name, captured, batchInvariant);
  }
}

installEvaluator(evaluate);
