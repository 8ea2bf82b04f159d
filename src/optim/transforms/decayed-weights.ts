/** @file Weight decay, coupled or decoupled by its place in a chain. */
import { type Transformation, checkRange, stateless } from "../transformation.ts";

/**
 * update + weightDecay · parameter. Before an optimiser it is L2 regularisation; after Adam's scaling it is the decoupled decay
 * of AdamW (Loshchilov and Hutter 2017).
 */
export function addDecayedWeights(weightDecay: number): Transformation {
  checkRange("weightDecay", weightDecay, 0, Infinity);
  return stateless("addDecayedWeights", (update, parameter) =>
    update.add(parameter.mul(weightDecay)),
  );
}
