/** @file Applies a graph's nodes where one is: into the current trace, or at once. */
import type { Graph, Node, Value } from "../ir/graph.ts";
import type { Tensor } from "../ir/tensor.ts";
import { apply } from "../ir/trace.ts";

/** Other tensors in place of a node's outputs, or undefined where it is applied as it is. */
export type Replacement = (node: Node, inputs: readonly Tensor[]) => readonly Tensor[] | undefined;

/** The graph's outputs for the given inputs (one a graph input, captured ones included), some nodes replaced. */
export function inline(graph: Graph, inputs: readonly Tensor[], replace?: Replacement): Tensor[] {
  const known = new Map<Value, Tensor>();
  graph.inputs.forEach((value, i) => known.set(value, inputs[i]!));
  for (const node of graph.nodes) {
    const operands = node.inputs.map((value) => known.get(value)!);
    const outputs =
      replace?.(node, operands) ?? apply(node.prim, node.params, operands, node.outputs);
    node.outputs.forEach((value, i) => known.set(value, outputs[i]!));
  }
  return graph.outputs.map((value) => known.get(value)!);
}
