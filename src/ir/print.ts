/** @file Graphs as text, a line a node: `%5: float32[20, 50] = matmul %1 %2`. */
import { type Graph, type Node, type Value, isPrim } from "./graph.ts";

/** Short names for values, numbered in order of first mention. */
export class Names {
  private readonly names = new Map<Value, string>();

  of(value: Value): string {
    let name = this.names.get(value);
    if (name === undefined) this.names.set(value, (name = `%${this.names.size}`));
    return name;
  }

  typed(value: Value): string {
    return `${this.of(value)}: ${value.dtype}[${value.shape.join(", ")}]`;
  }
}

/** Parameters in the order of their names, functions and graphs by name only; those of a composite are its attributes. */
export function formatParams(node: Node): string {
  const params = isPrim(node, "composite") ? node.params.attributes : node.params;
  const entries = Object.entries(params as Record<string, unknown>).sort(([a], [b]) =>
    a < b ? -1 : 1,
  );
  return entries
    .map(([key, value]) => {
      if (key === "op") return `op=${(value as { name: string }).name}`;
      if (value === undefined || key === "graph" || typeof value === "function") return "";
      return `${key}=${Array.isArray(value) ? `[${value.join(",")}]` : String(value)}`;
    })
    .filter((text) => text !== "")
    .join(" ");
}

export function formatNode(node: Node, names: Names): string {
  const outputs = node.outputs.map((output) => names.typed(output)).join(", ");
  const inputs = node.inputs.map((input) => names.of(input)).join(" ");
  const name = isPrim(node, "composite") ? node.params.name : node.prim;
  const again = node.recomputed === true ? "again" : "";
  return [outputs, "=", again, name, formatParams(node), inputs]
    .filter((part) => part !== "")
    .join(" ");
}

/** The graph as people read it. */
export function formatGraph(graph: Graph, names: Names = new Names()): string {
  const lines = [`inputs  ${graph.inputs.map((input) => names.typed(input)).join(", ")}`];
  for (const node of graph.nodes) lines.push(`  ${formatNode(node, names)}`);
  lines.push(`outputs ${graph.outputs.map((output) => names.of(output)).join(", ")}`);
  return lines.join("\n");
}
