/** @file Symbolic tensors: what layers are applied to while a graph model is put together. They have a shape and no elements. */
import type { DType } from "../../ir/dtype.ts";
import { type Shape, formatShape } from "../../ir/shape.ts";
import type { TensorOrList } from "../shapes.ts";

/** The field of a layer's applications: modules are copied by the fields that have names, and a copy was never applied. */
export const applications: unique symbol = Symbol("applications");

/** What a graph knows of its layers. */
export interface GraphLayer {
  readonly kind: string;
  readonly label: string;
  name: string | undefined;
  [applications]?: GraphNode[];
}

/** One application of a layer. */
export interface GraphNode {
  readonly layer: GraphLayer;
  readonly inputs: readonly SymbolicTensor[];
  /** Whether the layer takes a list, if only of one. */
  readonly takesList: boolean;
  readonly outputs: readonly SymbolicTensor[];
}

/** The output of a layer in a graph: made by `input` and by `layer.apply(symbolic)`, and what `model` is told to compute. */
export class SymbolicTensor {
  /** Shape of one sample, without the batch. */
  readonly shape: Shape;
  readonly dtype: DType;
  /** @internal The application that it comes from. */
  readonly node: GraphNode;
  /** @internal Which of the node's outputs it is. */
  readonly index: number;

  /** @internal Use `input()` or `layer.apply()`. */
  constructor(node: GraphNode, index: number, shape: Shape, dtype: DType) {
    this.node = node;
    this.index = index;
    this.shape = [...shape];
    this.dtype = dtype;
  }

  /** @internal What consoles print. */
  toString(): string {
    return `SymbolicTensor<${this.dtype}${formatShape(this.shape)} of ${this.node.layer.label}>`;
  }
}

/** The symbolic tensors that belong to a tensor or a list of tensors; anything where it is not known which (`AnyLayer`). */
export type SymbolsOf<T extends TensorOrList> = 0 extends 1 & T
  ? // oxlint-disable-next-line typescript/no-explicit-any
    any
  : T extends readonly unknown[]
    ? SymbolicTensor[]
    : SymbolicTensor;

/** Writes down that a layer is applied; `shapes` are those of its outputs. */
export function applyInGraph(
  layer: GraphLayer,
  inputs: readonly SymbolicTensor[],
  takesList: boolean,
  shapes: readonly Shape[],
  dtype: DType,
): GraphNode {
  const outputs: SymbolicTensor[] = [];
  const node: GraphNode = { layer, inputs: [...inputs], takesList, outputs };
  for (const [index, shape] of shapes.entries())
    outputs.push(new SymbolicTensor(node, index, shape, dtype));
  (layer[applications] ??= []).push(node);
  return node;
}
