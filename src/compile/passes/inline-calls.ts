/** @file Pass: composites and calls give way to the nodes of their graphs; stopGradient to its operand. */
import { type Graph, type Node, type Value, asGraph, isPrim } from "../../ir/graph.ts";
import { type Builder, rewriteGraph } from "./rewrite.ts";

const inlined: ReadonlySet<string> = new Set(["composite", "call", "stopGradient"]);

/** Which composites stay as they are: by default none. */
export type Keeps = (composite: Node<"composite">) => boolean;

/** The graph without composites, except for those that `keeps` wants as they are, without calls and without stopGradient. */
export function inlineCalls(graph: Graph, keeps: Keeps = () => false): Graph {
  if (!graph.nodes.some((node) => inlined.has(node.prim))) return graph;
  return rewriteGraph(graph, (node, inputs, builder) => {
    if (node.prim === "stopGradient") return inputs;
    if (isPrim(node, "call") || (isPrim(node, "composite") && !keeps(node)))
      return paste(inlineCalls(asGraph(node.params.graph), keeps), inputs, builder);
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
