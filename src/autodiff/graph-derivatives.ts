/** @file Derivatives of graphs, written as ordinary operations into the current trace: in reverse mode, in forward mode, and a graph applied as it is. */
import { isFloat } from "../ir/dtype.ts";
import { InternalError } from "../base/errors.ts";
import {
  type Graph,
  type Node,
  type TensorType,
  type Value,
  asGraph,
  isPrim,
} from "../ir/graph.ts";
import { formatShape, sameShape } from "../ir/shape.ts";
import type { Tensor } from "../ir/tensor.ts";
import { apply } from "../ir/trace.ts";
import { rulesOf, bind } from "../ops/bind.ts";
import type { Derivative } from "../ops/rules.ts";

/** A graph's outputs and the way back. */
export interface GraphVjp {
  readonly outputs: Tensor[];
  /**
   * From one cotangent per output (undefined: zero) to one per input, then one for each value of `inner` (undefined: not asked
   * for, or zero). May be called any number of times.
   */
  pullback(cotangents: readonly Derivative[]): Derivative[];
}

/** A node that was applied, and its way back: one cotangent per output to one per input. */
interface Step {
  readonly node: Node;
  readonly outputs: readonly Tensor[];
  readonly wrt: readonly boolean[];
  pullback(cotangents: readonly Derivative[]): readonly Derivative[];
}

/**
 * Evaluates a graph in the current context (trace or not), and prepares the pullback to the inputs marked in `wrt`.
 * `inputs` has one tensor per input of the graph. The pullback writes its nodes to the trace that is current when it is called.
 * Host operations run in their recording form where a derivative passes through them. `inner` are values within the graph
 * whose cotangents are wanted too; nothing before the first of them is differentiated on their account.
 */
export function vjpGraph(
  graph: Graph,
  inputs: readonly Tensor[],
  wrt: readonly boolean[],
  inner: readonly Value[] = [],
): GraphVjp {
  const known = new Map<Value, Tensor>();
  const active = new Set<Value>(inner);
  graph.inputs.forEach((value, i) => {
    known.set(value, inputs[i]!);
    if (wrt[i] && isFloat(value.dtype)) active.add(value);
  });
  const tape: Step[] = [];
  for (const node of graph.nodes) {
    const operands = node.inputs.map((value) => known.get(value)!);
    const towards = node.inputs.map((value) => active.has(value));
    const differentiated =
      rulesOf(node.prim).differentiable &&
      towards.includes(true) &&
      node.outputs.some(({ dtype }) => isFloat(dtype));
    const step = differentiated ? record(node, operands, towards) : undefined;
    const outputs = step?.outputs ?? apply(node.prim, node.params, operands, node.outputs);
    node.outputs.forEach((value, i) => {
      known.set(value, outputs[i]!);
      if (differentiated && isFloat(value.dtype)) active.add(value);
    });
    if (step !== undefined) tape.push(step);
  }
  return {
    outputs: graph.outputs.map((value) => known.get(value)!),
    pullback: (cotangents) =>
      walkBack(graph, tape, active, cotangents, [...graph.inputs, ...inner]),
  };
}

/** Applies a node that will be walked back through. */
function record(node: Node, inputs: readonly Tensor[], wrt: readonly boolean[]): Step {
  if (isPrim(node, "composite"))
    return { node, wrt, ...vjpGraph(asGraph(node.params.graph), inputs, wrt) };
  const { vjp } = rulesOf(node.prim);
  if (vjp === "inline") throw new InternalError(`${node.prim}: no graph to differentiate`);
  const { params, types } = recording(node);
  const outputs = apply(node.prim, params, inputs, types);
  return {
    node,
    outputs,
    wrt,
    pullback: (cotangents) => vjp({ inputs, outputs, params, cotangents, wrt }),
  };
}

/** The parameters and output types under which a node keeps what its way back needs. */
function recording(node: Node): Pick<Node, "params"> & { readonly types: readonly TensorType[] } {
  const op = isPrim(node, "host") ? node.params.op.recording?.() : undefined;
  return op === undefined
    ? { params: node.params, types: node.outputs }
    : { params: { op }, types: op.outputs };
}

function walkBack(
  graph: Graph,
  tape: readonly Step[],
  active: ReadonlySet<Value>,
  cotangents: readonly Derivative[],
  wanted: readonly Value[],
): Derivative[] {
  const sums = new Map<Value, Tensor>();
  const accumulate = (value: Value, cotangent: Derivative, by: string): void => {
    if (cotangent === undefined || !active.has(value)) return;
    if (!sameShape(value.shape, cotangent.shape) || value.dtype !== cotangent.dtype)
      throw new InternalError(
        `${by}: a cotangent of ${cotangent.dtype}${formatShape(cotangent.shape)} for a value of ${value.dtype}${formatShape(value.shape)}`,
      );
    const sum = sums.get(value);
    sums.set(value, sum === undefined ? cotangent : sum.add(cotangent));
  };
  graph.outputs.forEach((value, i) => accumulate(value, cotangents[i], "output"));
  for (let i = tape.length - 1; i >= 0; i--) {
    const { node, outputs, wrt, pullback } = tape[i]!;
    // A recording operation may have outputs beyond the node's own: nothing flows back from those.
    const given = outputs.map((_, k) =>
      k < node.outputs.length ? sums.get(node.outputs[k]!) : undefined,
    );
    if (given.every((cotangent) => cotangent === undefined)) continue;
    const results = pullback(given);
    node.inputs.forEach((value, k) => wrt[k] && accumulate(value, results[k], node.prim));
  }
  return wanted.map((value) => sums.get(value));
}

// Forward mode: values and tangents side by side.

/** A graph's outputs with their tangents (undefined: zero). */
export interface GraphJvp {
  readonly outputs: Tensor[];
  readonly tangents: Derivative[];
}

/** Evaluates a graph and its derivative along `tangents` (one per input; undefined: zero) in the current context. */
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

/** Other tensors in place of a node's outputs, or undefined where it is applied as it is. */
export type Replacement = (node: Node, inputs: readonly Tensor[]) => readonly Tensor[] | undefined;

/** The outputs of a graph for the given inputs (one per input of the graph, captured ones included), with some nodes replaced. */
export function inline(graph: Graph, inputs: readonly Tensor[], replace?: Replacement): Tensor[] {
  const known = new Map<Value, Tensor>();
  graph.inputs.forEach((value, i) => known.set(value, inputs[i]!));
  for (const node of graph.nodes) {
    const operands = node.inputs.map((value) => known.get(value)!);
    const outputs =
      replace?.(node, operands) ?? apply(node.prim, node.params, operands, node.outputs);
    node.outputs.forEach((value, i) => known.set(value, outputs[i]!));
  }
  return graph.outputs.map((value) => known.get(value)!);
}
