/** @file Structural identity of graphs: programs are compiled once for all graphs that read the same. */
import type { Graph, Node, TensorType, Value } from "../ir/graph.ts";
import { isPrim } from "../ir/graph.ts";
import { paramsKey } from "./passes/common.ts";

/** Equal for graphs that compute the same in the same way. Calls must be inlined. */
export function graphKey(graph: Graph): string {
  const numbers = new Map<Value, number>();
  const number = (value: Value): void => void numbers.set(value, numbers.size);
  graph.inputs.forEach(number);
  const lines = [graph.inputs.map(typeKey).join(" ")];
  for (const node of graph.nodes) {
    node.outputs.forEach(number);
    const made =
      node.prim === "constant" ||
      node.prim === "iota" ||
      node.prim === "reshape" ||
      node.prim === "broadcast"
        ? ""
        : node.outputs.map(typeKey).join(" ");
    lines.push(
      `${node.prim} ${node.inputs.map((input) => numbers.get(input)).join(",")} ${nodeKey(node)} ${made}`,
    );
  }
  lines.push(graph.outputs.map((output) => numbers.get(output)).join(","));
  return lines.join("\n");
}

export function typeKey(type: TensorType): string {
  return `${type.dtype}[${type.shape.join(",")}]`;
}

function nodeKey(node: Node): string {
  return isPrim(node, "host") ? node.params.op.key : paramsKey(node);
}
