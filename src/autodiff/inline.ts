/** @file Applies a graph's nodes where one is: into the current trace, or at once. */
import type { Graph, Value } from "../ir/graph.ts";
import type { Tensor } from "../ir/tensor.ts";
import { apply } from "../ir/trace.ts";

/** The graph's outputs for the given inputs (one a graph input, captured ones included). */
export function inline(graph: Graph, inputs: readonly Tensor[]): Tensor[] {
  const known = new Map<Value, Tensor>();
  graph.inputs.forEach((value, i) => known.set(value, inputs[i]!));
  for (const node of graph.nodes) {
    const outputs = apply(
      node.prim,
      node.params,
      node.inputs.map((value) => known.get(value)!),
      node.outputs,
    );
    node.outputs.forEach((value, i) => known.set(value, outputs[i]!));
  }
  return graph.outputs.map((value) => known.get(value)!);
}
