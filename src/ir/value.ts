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
  /** Where its elements lie, once `compile/access.ts` has found out. */
  access?: Access | undefined;
}

/**
 * Element (i0, i1, ...) of a value is element offset + sum(i * stride) of `base`. For the virtual bases, which are stored nowhere, it
 * is a literal (`constant`, all strides 0) or the number offset + sum(i * stride) itself (`iota`).
 */
export interface Access {
  readonly base: Value;
  readonly offset: number;
  readonly strides: readonly number[];
}

/** A node of whatever primitive; `isPrim` tells which. */
export interface AnyNode {
  readonly prim: string;
  readonly params: object;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** Whether it makes a value again that an earlier node has made, for later readers: it begins a kernel with those. */
  readonly recomputed?: boolean;
}

/** A graph of whatever nodes. */
export interface AnyGraph {
  readonly inputs: readonly Value[];
  readonly nodes: readonly AnyNode[];
  readonly outputs: readonly Value[];
}
