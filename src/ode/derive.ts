/** @file Derivatives of operations that can also be written as a composition of differentiable ones. */
import { isFloat } from "../ir/dtype.ts";
import { typeOf } from "../ir/graph.ts";
import type { Tensor } from "../ir/tensor.ts";
import { trace } from "../ir/trace.ts";
import { jvpGraph } from "../autodiff/jvp-graph.ts";
import { vjpGraph } from "../autodiff/vjp-graph.ts";

type Compose = (inputs: readonly Tensor[]) => Tensor[];

/** Pulls cotangents back through a composition: one cotangent for each float input marked in `wrt` (undefined: none, or zero). */
export function vjpOf(
  compose: Compose,
  inputs: readonly Tensor[],
  cotangents: readonly (Tensor | undefined)[],
  wrt: readonly boolean[] = inputs.map((input) => isFloat(input.dtype)),
): (Tensor | undefined)[] {
  const { graph } = trace((...placeholders) => compose(placeholders), inputs.map(typeOf));
  return vjpGraph(graph, inputs, wrt).pullback(cotangents);
}

/** Pushes tangents forward through a composition: one tangent an output (undefined: zero). */
export function jvpOf(
  compose: Compose,
  inputs: readonly Tensor[],
  tangents: readonly (Tensor | undefined)[],
): (Tensor | undefined)[] {
  const { graph } = trace((...placeholders) => compose(placeholders), inputs.map(typeOf));
  return [...jvpGraph(graph, inputs, tangents).tangents];
}
