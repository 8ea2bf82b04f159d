/** @file Checks that a graph is well formed: what every pass must leave behind. Run between passes in tests. */
import { InternalError } from "../base/errors.ts";
import type { Graph, Value } from "./graph.ts";
import { sameShape } from "./shape.ts";
import { Names, formatNode } from "./print.ts";

const sameType = (a: Value, b: Value): boolean =>
  a.dtype === b.dtype && sameShape(a.shape, b.shape);

/** Throws InternalError with the offending node if a value is used before it is made, made twice, or unknown. */
export function verifyGraph(graph: Graph, pass: string): Graph {
  const known = new Set<Value>();
  const names = new Names();
  for (const input of graph.inputs) {
    if (known.has(input))
      throw new InternalError(`${pass}: input ${names.typed(input)} is listed twice`);
    if (input.node !== null)
      throw new InternalError(`${pass}: input ${names.typed(input)} is made by a node`);
    known.add(input);
  }
  for (const node of graph.nodes) {
    for (const input of node.inputs)
      if (!known.has(input))
        throw new InternalError(
          `${pass}: "${formatNode(node, names)}" uses ${names.typed(input)} before it is made`,
        );
    if (node.prim === "copy" && !sameType(node.inputs[0]!, node.outputs[0]!))
      throw new InternalError(`${pass}: "${formatNode(node, names)}" copies to another type`);
    for (const output of node.outputs) {
      if (output.node !== node)
        throw new InternalError(
          `${pass}: an output of "${formatNode(node, names)}" names another node`,
        );
      if (known.has(output))
        throw new InternalError(`${pass}: "${formatNode(node, names)}" is listed twice`);
      known.add(output);
    }
  }
  for (const output of graph.outputs)
    if (!known.has(output))
      throw new InternalError(`${pass}: output ${names.typed(output)} is never made`);
  return graph;
}
