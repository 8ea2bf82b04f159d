/** @file Momentum, plain and of Nesterov. */
import { type Tree, mapTree } from "../../ir/tree.ts";
import { zerosLike } from "../../ops/index.ts";
import { type Transformation, checkRange } from "../transformation.ts";
import { zipTrees } from "../zip-trees.ts";

/**
 * v = momentum · v + update, and v is the new update; with `nesterov`, update + momentum · v is
 * (Sutskever et al. 2013, eqs. 1 to 4, in the form in which the learning rate comes afterwards).
 */
export function accumulateMomentum(momentum: number, nesterov = false): Transformation {
  checkRange("momentum", momentum, 0, 1);
  const who = "accumulateMomentum";
  return {
    init: (params) => mapTree(who, params as Tree, zerosLike),
    transform: (updates, state, _params, _step) => {
      const velocity = zipTrees(who, updates, [state], (update, v) =>
        v!.mul(momentum).add(update!),
      );
      const next = nesterov
        ? zipTrees(who, updates, [velocity as Tree], (update, v) => v!.mul(momentum).add(update!))
        : velocity;
      return { updates: next, state: velocity as Tree };
    },
  };
}
