/** @file Values, and the bare structure of graphs: what primitives' parameters may mention without knowing the vocabulary. */
import type { DType } from "./dtype.ts";
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
  readonly node: AnyNode | null;
}

/** A node of whatever primitive; `isPrim` tells which. */
export interface AnyNode {
  readonly prim: string;
  readonly params: object;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

/** A graph of whatever nodes. */
export interface AnyGraph {
  readonly inputs: readonly Value[];
  readonly nodes: readonly AnyNode[];
  readonly outputs: readonly Value[];
}
