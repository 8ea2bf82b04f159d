/** @file Graphs: straight-line programs of primitives in single assignment form. */
import type { DType } from "./dtype.ts";
import type { ParamsOf, PrimName } from "./prim.ts";
import type { Shape } from "./shape.ts";

/** What is known of a tensor before it is computed. */
export interface TensorType {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** A tensor in a graph: an input, or one output of a node. */
export interface Value extends TensorType {
  /** Unique over the process, in order of creation. */
  readonly id: number;
  /** The node that makes it; null for a graph's inputs. */
  readonly node: Node | null;
}

/** One application of a primitive. */
export interface Node<P extends PrimName = PrimName> {
  readonly prim: P;
  readonly params: ParamsOf<P>;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

/** Inputs, nodes in an order in which they can run, outputs (which may be inputs, and may repeat). */
export interface Graph {
  readonly inputs: readonly Value[];
  readonly nodes: readonly Node[];
  readonly outputs: readonly Value[];
}

let nextId = 0;

/** A fresh graph input. */
export function makeInput(type: TensorType): Value {
  return { id: nextId++, shape: type.shape, dtype: type.dtype, node: null };
}

/** A node with fresh output values of the given types. */
export function makeNode<P extends PrimName>(
  prim: P,
  params: ParamsOf<P>,
  inputs: readonly Value[],
  types: readonly TensorType[],
): Node<P> {
  const outputs: Value[] = [];
  const node: Node<P> = { prim, params, inputs, outputs };
  for (const { shape, dtype } of types)
    outputs.push({ id: nextId++, shape, dtype, node: node as unknown as Node });
  return node;
}

/** Narrows a node to one primitive, with its params typed. */
export function isPrim<P extends PrimName>(node: Node, prim: P): node is Node<P> & Node {
  return node.prim === prim;
}

export function typeOf(value: TensorType): TensorType {
  return { shape: value.shape, dtype: value.dtype };
}
