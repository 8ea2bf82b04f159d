/** @file Graphs: straight-line programs of primitives in single assignment form. */
import type { ParamsOf, PrimName } from "./prim.ts";
import type { AnyGraph, AnyNode, TensorType, Value } from "./value.ts";

export type { AnyGraph, AnyNode, TensorType, Value } from "./value.ts";

/** One application of a primitive. */
export interface Node<P extends PrimName = PrimName> extends AnyNode {
  readonly prim: P;
  readonly params: ParamsOf<P>;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

/** Inputs, nodes in an order in which they can run, outputs (which may be inputs, and may repeat). */
export interface Graph extends AnyGraph {
  readonly inputs: readonly Value[];
  readonly nodes: readonly Node[];
  readonly outputs: readonly Value[];
}

let nextId = 0;

/** A fresh graph input. */
export function makeInput(type: TensorType): Value {
  return {
    id: nextId++,
    shape: type.shape,
    dtype: type.dtype,
    node: null,
    access: undefined,
  };
}

/** A node with fresh output values of the given types. */
export function makeNode<P extends PrimName>(
  prim: P,
  params: ParamsOf<P>,
  inputs: readonly Value[],
  types: readonly TensorType[],
  recomputed = false,
): Node<P> {
  const outputs: Value[] = [];
  const node: Node<P> = { prim, params, inputs, outputs, recomputed };
  for (const { shape, dtype } of types)
    outputs.push({
      id: nextId++,
      shape,
      dtype,
      node: node as unknown as Node,
      access: undefined,
    });
  return node;
}

/** Narrows a node to one primitive, with its params typed. */
export function isPrim<P extends PrimName>(node: AnyNode, prim: P): node is Node<P> & Node {
  return node.prim === prim;
}

export function typeOf(value: TensorType): TensorType {
  return { shape: value.shape, dtype: value.dtype };
}

/** A graph met in a primitive's parameters: every graph there is was made of nodes of the vocabulary. */
export function asGraph(graph: AnyGraph): Graph {
  return graph as Graph;
}
