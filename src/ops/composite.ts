/** @file Named composites: functions of several primitives that stay one node of a graph until it is compiled. */
import { typeOf } from "../ir/graph.ts";
import type { Attributes } from "../ir/prim.ts";
import type { Tensor } from "../ir/tensor.ts";
import { currentTrace, trace } from "../ir/trace.ts";
import { bind1 } from "./bind.ts";

/**
 * `body(...inputs)`. In a trace it is one node that carries `name` and `attributes`, which say all that `body` does: exporters and
 * explanations look names up instead of recognising primitives. Tensors that `body` closes over become further inputs of the node.
 * Outside a trace the body is computed as it stands.
 */
export function composite(
  name: string,
  attributes: Attributes,
  inputs: readonly Tensor[],
  body: (...inputs: Tensor[]) => Tensor,
): Tensor {
  if (currentTrace() === undefined) return body(...inputs);
  const { graph, captured } = trace((...given) => [body(...given)], inputs.map(typeOf));
  return bind1("composite", [...inputs, ...captured], { name, attributes, graph });
}
