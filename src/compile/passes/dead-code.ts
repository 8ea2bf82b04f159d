/** @file Pass: nodes whose results nobody uses are dropped. */
import type { Graph, Node, Value } from "../../ir/graph.ts";

export function removeDeadCode(graph: Graph): Graph {
  const used = new Set<Value>(graph.outputs);
  const kept: Node[] = [];
  for (let index = graph.nodes.length - 1; index >= 0; index--) {
    const node = graph.nodes[index]!;
    if (!node.outputs.some((output) => used.has(output))) continue;
    kept.push(node);
    for (const input of node.inputs) used.add(input);
  }
  return kept.length === graph.nodes.length
    ? graph
    : { inputs: graph.inputs, nodes: kept.reverse(), outputs: graph.outputs };
}
