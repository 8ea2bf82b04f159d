/**
 * @file Tracing: running a function on placeholders and writing down what it does.
 * Tensors that a function closes over, concrete or of an outer trace, are captured: they become further inputs.
 */
import { InternalError, TraceError } from "../base/errors.ts";
import {
  type Graph,
  type Node,
  type TensorType,
  type Value,
  makeInput,
  makeNode,
} from "./graph.ts";
import type { ParamsOf, PrimName } from "./prim.ts";
import { Tensor } from "./tensor.ts";

/** Runs a graph on concrete tensors. Installed by the compile room, so that tracing need not know it. */
export type Evaluator = (graph: Graph, inputs: readonly Tensor[]) => Tensor[];

let evaluator: Evaluator | undefined;
let current: Trace | undefined;

/** Says who runs graphs that no trace records. */
export function installEvaluator(run: Evaluator): void {
  evaluator = run;
}

/** Runs a graph on concrete tensors with the installed evaluator. */
export function evaluateGraph(graph: Graph, inputs: readonly Tensor[]): Tensor[] {
  if (evaluator === undefined)
    throw new InternalError("no evaluator is installed: import the package by its entrance");
  return evaluator(graph, inputs);
}

/** The trace that operations are written to now, if any. */
export function currentTrace(): Trace | undefined {
  return current;
}

/** A recording in progress. */
export class Trace {
  readonly parent: Trace | undefined;
  readonly nodes: Node[] = [];
  readonly captured: Tensor[] = [];
  private readonly capturedValues: Value[] = [];
  private readonly places = new Map<Tensor, Value>();

  constructor(parent: Trace | undefined) {
    this.parent = parent;
  }

  /** The value that stands for a tensor in this trace, captured if it comes from outside. */
  lift(tensor: Tensor): Value {
    const { traced } = tensor;
    if (traced?.trace === this) return traced.value;
    let value = this.places.get(tensor);
    if (value === undefined) {
      if (traced !== undefined && !this.isWithin(traced.trace)) throw leaked(tensor);
      value = makeInput(tensor);
      this.places.set(tensor, value);
      this.captured.push(tensor);
      this.capturedValues.push(value);
    }
    return value;
  }

  /** Appends a node, and gives its outputs back as tensors. */
  append<P extends PrimName>(
    prim: P,
    params: ParamsOf<P>,
    inputs: readonly Tensor[],
    types: readonly TensorType[],
  ): Tensor[] {
    const node = makeNode(
      prim,
      params,
      inputs.map((input) => this.lift(input)),
      types,
    );
    this.nodes.push(node as unknown as Node);
    return node.outputs.map((value) => new Tensor(value, { trace: this, value }));
  }

  finish(inputs: readonly Value[], outputs: readonly Tensor[]): Graph {
    const outputValues = outputs.map((output) => this.lift(output));
    return {
      inputs: [...inputs, ...this.capturedValues],
      nodes: this.nodes,
      outputs: outputValues,
    };
  }

  private isWithin(outer: object): boolean {
    for (let trace = this.parent; trace !== undefined; trace = trace.parent)
      if (trace === outer) return true;
    return false;
  }
}

/** A function's graph. The graph's inputs are the placeholders, then one for each captured tensor. */
export interface TracedFunction {
  readonly graph: Graph;
  readonly captured: readonly Tensor[];
}

/** Traces `fn` on placeholders of the given types. `fn` returns the tensors that become the outputs. */
export function trace(
  fn: (...placeholders: Tensor[]) => readonly Tensor[],
  types: readonly TensorType[],
): TracedFunction {
  const recording = new Trace(current);
  const inputs = types.map(makeInput);
  const outer = current;
  current = recording;
  try {
    const outputs = fn(...inputs.map((value) => new Tensor(value, { trace: recording, value })));
    return { graph: recording.finish(inputs, outputs), captured: recording.captured };
  } finally {
    current = outer;
  }
}

/** Runs `fn` outside every trace: operations on concrete tensors are computed at once. */
export function untraced<T>(fn: () => T): T {
  const outer = current;
  current = undefined;
  try {
    return fn();
  } finally {
    current = outer;
  }
}

/**
 * Applies a primitive: written to the current trace, or computed at once where there is none.
 * The types of the outputs come from the primitive's rules (`ops/bind.ts` is the checked way in).
 */
export function apply<P extends PrimName>(
  prim: P,
  params: ParamsOf<P>,
  inputs: readonly Tensor[],
  types: readonly TensorType[],
): Tensor[] {
  if (current !== undefined) return current.append(prim, params, inputs, types);
  for (const input of inputs) if (input.traced !== undefined) throw leaked(input);
  const placeholders = inputs.map(makeInput);
  const node = makeNode(prim, params, placeholders, types) as unknown as Node;
  return evaluateGraph({ inputs: placeholders, nodes: [node], outputs: node.outputs }, inputs);
}

function leaked(tensor: Tensor): TraceError {
  return new TraceError(
    `${tensor.toString()} has left the function in which it was traced. ` +
      "Return what you need from the traced function instead of storing it outside.",
  );
}
