/** @file The evaluator of graphs outside traces: compiled programs, kept under the structure of their graphs. */
import { allocate } from "../ir/dtype.ts";
import type { Graph } from "../ir/graph.ts";
import { Tensor, concreteElements } from "../ir/tensor.ts";
import { installEvaluator, untraced } from "../ir/trace.ts";
import { readElements, writeElements } from "../backend/backend.ts";
import { backend, backendName } from "./engine.ts";
import { graphKey } from "./key.ts";
import { inlineCalls } from "./passes/inline-calls.ts";
import { Holdings } from "./holdings.ts";
import { Program } from "./program.ts";

/** A program with memory of its own for inputs and outputs, called with tensors. */
export class Executable {
  readonly program: Program;
  private readonly holdings: Holdings;
  private readonly inputs: readonly number[];
  private readonly outputs: readonly number[];
  private busy = false;

  constructor(graph: Graph, name: string) {
    this.holdings = new Holdings(backend());
    this.program = untraced(() => new Program(graph, name, this.holdings));
    const own = this.program.bindOwn();
    this.inputs = own.inputs;
    this.outputs = own.outputs;
  }

  /** Whether a call is under way: a callback of a host operation may come back here. */
  get running(): boolean {
    return this.busy;
  }

  /** Writes an input that stays the same from call to call. */
  preset(index: number, tensor: Tensor): void {
    writeElements(
      this.holdings.backend.memory,
      this.inputs[index]!,
      concreteElements(tensor, "preset"),
    );
  }

  /** Copies inputs in (the first ones, as many as given), runs, copies outputs out. */
  call(inputs: readonly Tensor[]): Tensor[] {
    const { memory } = this.holdings.backend;
    this.busy = true;
    try {
      for (let index = 0; index < inputs.length; index++)
        writeElements(
          memory,
          this.inputs[index]!,
          concreteElements(inputs[index]!, this.program.name),
        );
      untraced(() => this.program.run());
      return this.program.graph.outputs.map((output, index) => {
        const elements = allocate(
          output.dtype,
          output.shape.reduce((size, extent) => size * extent, 1),
        );
        readElements(memory, this.outputs[index]!, elements);
        return new Tensor(output, elements);
      });
    } finally {
      this.busy = false;
    }
  }

  release(): void {
    this.holdings.release();
  }
}

/** Programs kept for graphs seen before; the longest unused go first. */
const kept = new Map<string, Executable>();
const maxKept = 512;

function evaluate(source: Graph, inputs: readonly Tensor[]): Tensor[] {
  const graph = inlineCalls(source);
  const key = `${backendName()}\n${graphKey(graph)}`;
  const found = kept.get(key);
  if (found !== undefined && !found.running) {
    kept.delete(key);
    kept.set(key, found);
    return found.call(inputs);
  }
  const executable = new Executable(
    graph,
    graph.nodes.length === 1 ? graph.nodes[0]!.prim : "graph",
  );
  if (found !== undefined) {
    // Called again from within itself: a second instance, for this call only.
    try {
      return executable.call(inputs);
    } finally {
      executable.release();
    }
  }
  kept.set(key, executable);
  if (kept.size > maxKept) {
    for (const [oldest, candidate] of kept) {
      if (candidate.running) continue;
      candidate.release();
      kept.delete(oldest);
      break;
    }
  }
  return executable.call(inputs);
}

installEvaluator(evaluate);
