/** @file Pass: `call` nodes give way to the nodes of their graphs; stopGradient to its operand. */
import { type Graph, type Value, asGraph, isPrim } from "../../ir/graph.ts";
import { type Builder, rewriteGraph } from "./rewrite.ts";

export function inlineCalls(graph: Graph): Graph {
  if (!graph.nodes.some((node) => node.prim === "call" || node.prim === "stopGradient"))
    return graph;
  return rewriteGraph(graph, (node, inputs, builder) => {
    if (isPrim(node, "call"))
      return paste(inlineCalls(asGraph(node.params.graph)), inputs, builder);
    if (node.prim === "stopGradient") return inputs;
    return builder.keep(node, inputs);
  });
}

function paste(graph: Graph, inputs: readonly Value[], builder: Builder): Value[] {
  const now = new Map<Value, Value>(graph.inputs.map((input, index) => [input, inputs[index]!]));
  for (const node of graph.nodes) {
    // Fresh nodes, since one graph may be called several times.
    const outputs = builder.addAll(
      node.prim,
      node.params,
      node.inputs.map((input) => now.get(input)!),
      node.outputs,
    );
    node.outputs.forEach((output, index) => now.set(output, outputs[index]!));
  }
  return graph.outputs.map((output) => now.get(output)!);
}
