/** @file What the entrances begin with: from f, y0 and options to a bound problem. Above the gradients, which it chooses from. */
import type { Tensor } from "../ir/tensor.ts";
import type { Tree, TreeDef } from "../ir/tree.ts";
import { chooseGradient } from "./adjoints/index.ts";
import { type BoundProblem, type Defaults, defineProblem } from "./define-problem.ts";
import { type VectorField, stateLeaves } from "./field.ts";
import type { CommonOptions } from "./options.ts";

/** A problem, and the state that it starts from. */
export interface Start {
  readonly leaves: Tensor[];
  readonly def: TreeDef;
  readonly bound: BoundProblem;
}

/** `defaults` may depend on the state's leaves. Throws ArgumentError, ShapeError or DTypeError naming `who`. */
export function problemFrom<Y extends Tree>(
  who: string,
  f: VectorField<Y>,
  y0: Y,
  options: CommonOptions<Y>,
  defaults: Defaults | ((leaves: readonly Tensor[]) => Defaults),
  gradient: unknown,
): Start {
  const { leaves, def } = stateLeaves(who, y0);
  const chosen = chooseGradient(who, gradient);
  const given = typeof defaults === "function" ? defaults(leaves) : defaults;
  return { leaves, def, bound: defineProblem(who, f, leaves, def, options, given, chosen) };
}
