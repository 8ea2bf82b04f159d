/** @file A graph's structure as text: what makes two scans the same operation. */
import { type Graph, type Node, type Value, asGraph, isPrim } from "../ir/graph.ts";

/** Equal for graphs that compute the same in the same way. */
export function graphKey(graph: Graph): string {
  const numbers = new Map<Value, number>();
  const number = (value: Value): number => {
    if (!numbers.has(value)) numbers.set(value, numbers.size);
    return numbers.get(value)!;
  };
  const typed = (value: Value): string =>
    `${number(value)}:${value.dtype}[${value.shape.join(",")}]`;
  const lines = [graph.inputs.map(typed).join(" ")];
  for (const node of graph.nodes)
    lines.push(
      `${node.outputs.map(typed).join(" ")}=${node.prim}(${node.inputs.map(number).join(",")})${paramsKey(node)}`,
    );
  lines.push(graph.outputs.map(number).join(","));
  return lines.join(";");
}

function paramsKey(node: Node): string {
  if (isPrim(node, "host")) return `{${node.params.op.key}}`;
  if (isPrim(node, "call") || isPrim(node, "composite"))
    return `{${graphKey(asGraph(node.params.graph))}}`;
  // JSON has no NaN, infinities or -0, and literals may be any of them.
  return JSON.stringify(node.params, (_, value: unknown) =>
    typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))
      ? Object.is(value, -0)
        ? "-0"
        : String(value)
      : value,
  );
}
