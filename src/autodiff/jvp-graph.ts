/** @file Forward mode on graphs: values and tangents side by side. */
import { isFloat } from "../ir/dtype.ts";
import { InternalError } from "../base/errors.ts";
import { type Graph, type Node, type Value, asGraph, isPrim } from "../ir/graph.ts";
import type { Tensor } from "../ir/tensor.ts";
import { apply } from "../ir/trace.ts";
import { bind, rulesOf } from "../ops/bind.ts";
import type { Derivative } from "../ops/rules.ts";

/** A graph's outputs with their tangents (undefined: zero). */
export interface GraphJvp {
  readonly outputs: Tensor[];
  readonly tangents: Derivative[];
}

/** Evaluates a graph and its derivative along `tangents` (one an input; undefined: zero) in the current context. */
export function jvpGraph(
  graph: Graph,
  inputs: readonly Tensor[],
  tangents: readonly Derivative[],
): GraphJvp {
  const known = new Map<Value, Tensor>();
  const moving = new Map<Value, Tensor>();
  const set = (
    values: readonly Value[],
    tensors: readonly Tensor[],
    along: readonly Derivative[],
  ): void =>
    values.forEach((value, i) => {
      known.set(value, tensors[i]!);
      const tangent = along[i];
      if (tangent !== undefined && isFloat(value.dtype)) moving.set(value, tangent);
    });
  set(graph.inputs, inputs, tangents);
  for (const node of graph.nodes) {
    const operands = node.inputs.map((value) => known.get(value)!);
    const along = node.inputs.map((value) => moving.get(value));
    const still =
      !rulesOf(node.prim).differentiable || along.every((tangent) => tangent === undefined);
    if (still) set(node.outputs, apply(node.prim, node.params, operands, node.outputs), []);
    else {
      const { outputs, tangents } = push(node, operands, along);
      set(node.outputs, outputs, tangents);
    }
  }
  return {
    outputs: graph.outputs.map((value) => known.get(value)!),
    tangents: graph.outputs.map((value) => moving.get(value)),
  };
}

function push(
  node: Node,
  inputs: readonly Tensor[],
  tangents: readonly Derivative[],
): { outputs: readonly Tensor[]; tangents: readonly Derivative[] } {
  if (isPrim(node, "call") || isPrim(node, "composite"))
    return jvpGraph(asGraph(node.params.graph), inputs, tangents);
  const outputs = apply(node.prim, node.params, inputs, node.outputs);
  const { jvp } = rulesOf(node.prim);
  if (jvp === "inline") throw new InternalError(`${node.prim}: no graph to differentiate`);
  const again = (others: readonly Tensor[], params = node.params): Tensor[] =>
    bind(node.prim, others, params);
  return { outputs, tangents: jvp({ inputs, outputs, params: node.params, tangents, again }) };
}
