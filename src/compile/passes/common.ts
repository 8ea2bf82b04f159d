/** @file Pass: equal computations are done once (common subexpression elimination). */
import type { Graph, Node, Value } from "../../ir/graph.ts";
import { paramsKey } from "../../ir/key.ts";
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
    if (node.prim === "host" || node.prim === "call" || node.prim === "composite")
      return builder.keep(node, inputs);
    const key = keyOf(node, inputs);
    const earlier = known.get(key);
    if (earlier !== undefined) return earlier;
    const outputs = builder.keep(node, inputs);
    known.set(key, outputs);
    return outputs;
  });
}

function keyOf(node: Node, inputs: readonly Value[]): string {
  const [x, y] = inputs;
  const turned = inputs.length === 2 && x!.id > y!.id && commutative.has(node.prim);
  const ids = turned ? `${y!.id},${x!.id}` : inputs.map((input) => input.id).join();
  return `${node.prim}(${ids})${paramsKey(node)}`;
}
