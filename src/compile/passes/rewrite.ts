/** @file Rebuilding a graph node by node: the frame that passes share. */
import { type Graph, type Node, type TensorType, type Value, makeNode } from "../../ir/graph.ts";
import type { ParamsOf, PrimName } from "../../ir/prim.ts";

/** A graph under reconstruction. */
export class Builder {
  readonly nodes: Node[] = [];

  /** Appends a node of one output. */
  add<P extends PrimName>(
    prim: P,
    params: ParamsOf<P>,
    inputs: readonly Value[],
    type: TensorType,
  ): Value {
    return this.addAll(prim, params, inputs, [type])[0]!;
  }

  addAll<P extends PrimName>(
    prim: P,
    params: ParamsOf<P>,
    inputs: readonly Value[],
    types: readonly TensorType[],
    recomputed = false,
  ): readonly Value[] {
    const node = makeNode(prim, params, inputs, types, recomputed);
    this.nodes.push(node as unknown as Node);
    return node.outputs;
  }

  /** Keeps a node as it is, on other inputs; the very node where they are the same. */
  keep(node: Node, inputs: readonly Value[]): readonly Value[] {
    if (inputs.every((input, index) => input === node.inputs[index])) {
      this.nodes.push(node);
      return node.outputs;
    }
    return this.addAll(node.prim, node.params, inputs, node.outputs, node.recomputed);
  }
}

/** What a pass makes of one node: values that replace its outputs. */
export type Rewrite = (node: Node, inputs: readonly Value[], builder: Builder) => readonly Value[];

/** Applies a rewrite to every node in order, with inputs already replaced. The very graph if nothing changes. */
export function rewriteGraph(graph: Graph, rewrite: Rewrite): Graph {
  const builder = new Builder();
  const replaced = new Map<Value, Value>();
  const now = (value: Value): Value => replaced.get(value) ?? value;
  for (const node of graph.nodes) {
    const results = rewrite(node, node.inputs.map(now), builder);
    node.outputs.forEach((output, index) => {
      if (results[index] !== output) replaced.set(output, results[index]!);
    });
  }
  const same = replaced.size === 0 && builder.nodes.length === graph.nodes.length;
  return same
    ? graph
    : { inputs: graph.inputs, nodes: builder.nodes, outputs: graph.outputs.map(now) };
}
