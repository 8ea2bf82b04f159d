/** @file Pass: equal computations are done once (common subexpression elimination). */
import type { Graph, Node, Value } from "../../ir/graph.ts";
import { rewriteGraph } from "./rewrite.ts";

const commutative: ReadonlySet<string> = new Set([
  "add",
  "mul",
  "max",
  "min",
  "eq",
  "ne",
  "and",
  "or",
]);

/** Host operations are never merged: each may leave a record for its own backward pass. */
export function shareCommon(graph: Graph): Graph {
  const known = new Map<string, readonly Value[]>();
  return rewriteGraph(graph, (node, inputs, builder) => {
    if (node.prim === "host" || node.prim === "call") return builder.keep(node, inputs);
    const key = keyOf(node, inputs);
    const earlier = known.get(key);
    if (earlier !== undefined) return earlier;
    const outputs = builder.keep(node, inputs);
    known.set(key, outputs);
    return outputs;
  });
}

function keyOf(node: Node, inputs: readonly Value[]): string {
  const ids = inputs.map((input) => input.id);
  if (commutative.has(node.prim)) ids.sort((a, b) => a - b);
  return `${node.prim}(${ids.join(",")})${paramsKey(node)}`;
}

/** Parameters as a key; -0 and non-finite numbers keep their identity. */
export function paramsKey(node: Node): string {
  return JSON.stringify(node.params, (_, value: unknown) =>
    typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))
      ? `#${Object.is(value, -0) ? "-0" : value}`
      : value,
  );
}
