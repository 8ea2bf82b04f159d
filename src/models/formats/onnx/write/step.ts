/** @file A step of lowering: how one value is made, from one primitive or from several that one operator stands for. */
import type { Node, Value } from "../../../../ir/graph.ts";
import type { PrimName } from "../../../../ir/prim.ts";
import type { Emitter } from "./emitter.ts";

/** How a value is made. */
export interface Step {
  /** Values that have to be there before. */
  readonly inputs: readonly Value[];
  lower(to: Emitter): void;
}

/** How a primitive is lowered. */
export type Rule<P extends PrimName> = (node: Node<P>, value: Value, to: Emitter) => void;

/** Sees what a value is computed of, and gives a step if one operator does all of it. */
export interface Pattern {
  readonly name: string;
  match(value: Value, see: Sight): Step | undefined;
}

/** What patterns may look at. */
export interface Sight {
  /** The node of a primitive that makes a value; undefined if another one does, or if the value is a layer's output. */
  node<P extends PrimName>(value: Value, prim: P): Node<P> | undefined;
  /** Whether a value is the same for all inputs. */
  isConstant(value: Value): boolean;
}
