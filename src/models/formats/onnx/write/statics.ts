/** @file What does not depend on the inputs: parameters, and what is computed of them alone. It becomes constants of the file. */
import { type Graph, type Value, isPrim } from "../../../../ir/graph.ts";
import type { TypedArray } from "../../../../ir/dtype.ts";
import { Tensor } from "../../../../ir/tensor.ts";
import { evaluateGraph } from "../../../../ir/trace.ts";
import { literalOf, removeDeadCode } from "../../../../compile/passes/shorten.ts";
import type { TracedModel } from "./traced.ts";

/** Constants of a traced model. */
export class Statics {
  private readonly known = new Set<Value>();
  private readonly tensors = new Map<Value, Tensor>();
  private readonly graph: Graph;
  /** Values that were asked for and are not computed yet. */
  private readonly wanted = new Set<Value>();

  constructor({ graph, captured, inputs, dims }: TracedModel) {
    this.graph = graph;
    graph.inputs.slice(inputs.length).forEach((value, index) => {
      this.known.add(value);
      this.tensors.set(value, captured[index]!);
    });
    for (const node of graph.nodes)
      if (node.inputs.every((input) => this.known.has(input)))
        for (const output of node.outputs)
          if (dims.get(output)!.every((extent) => typeof extent === "number"))
            this.known.add(output);
  }

  /** Whether a value is the same for all inputs. */
  has(value: Value): boolean {
    return this.known.has(value);
  }

  /** The tensor that a value is, reshaped at most: for a name, and for elements that need not be computed. */
  source(value: Value): Tensor | undefined {
    let from = value;
    while (from.node !== null && isPrim(from.node, "reshape")) from = from.node.inputs[0]!;
    return this.tensors.get(from);
  }

  /** Says that the elements will be needed, so that all that are wanted are computed in one go. */
  want(value: Value): void {
    if (this.source(value) === undefined) this.wanted.add(value);
  }

  /** The elements of a value, row-major. */
  elements(value: Value): TypedArray {
    const source = this.source(value);
    if (source !== undefined) return source.elements!;
    this.want(value);
    this.compute();
    return this.tensors.get(value)!.elements!;
  }

  private compute(): void {
    const outputs = [...this.wanted];
    const nodes = this.graph.nodes.filter((node) => node.outputs.every((v) => this.known.has(v)));
    const needed = removeDeadCode({ inputs: [], nodes, outputs });
    const used = new Set(needed.nodes.flatMap((node) => node.inputs));
    const inputs = this.graph.inputs.filter((value) => used.has(value));
    const results = evaluateGraph(
      { ...needed, inputs },
      inputs.map((value) => this.tensors.get(value)!),
    );
    outputs.forEach((value, index) => this.tensors.set(value, results[index]!));
    this.wanted.clear();
  }
}

/** The value that a broadcast repeats. */
export function unbroadcast(value: Value): Value {
  let from = value;
  while (from.node !== null && isPrim(from.node, "broadcast")) from = from.node.inputs[0]!;
  return from;
}

/** The number that every element of a value is, if that is known from the graph. */
export function numberOf(value: Value): number | undefined {
  return literalOf(unbroadcast(value));
}
