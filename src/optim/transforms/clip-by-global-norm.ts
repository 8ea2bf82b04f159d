/** @file Gradients limited as a whole. */
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { mapTree, treeLeaves } from "../../ir/tree.ts";
import { scalar, where } from "../../ops/index.ts";
import type { Transformation } from "../transformation.ts";

/** √(sum of squares of all elements of all leaves), a float64 scalar: squares of float32 numbers cannot overflow there. */
export function globalNorm(tree: unknown): Tensor {
  let total = scalar(0, { dtype: "float64" });
  for (const leaf of treeLeaves("globalNorm", tree)) {
    const wide = leaf.cast("float64");
    total = total.add(wide.mul(wide).sum());
  }
  return total.sqrt();
}

/** All gradients scaled by one factor so that their global norm is at most `maxNorm` (Pascanu et al. 2013, algorithm 1). */
export function clipByGlobalNorm(maxNorm: number): Transformation {
  if (!(maxNorm > 0))
    throw new ArgumentError(complaint("clipByGlobalNorm", "a positive norm", describe(maxNorm)));
  return {
    init: () => [],
    transform: (updates, state, _params, _step) => {
      const norm = globalNorm(updates);
      const factor = where(norm.greater(maxNorm), norm.reciprocal().mul(maxNorm), 1);
      return {
        updates: mapTree("clipByGlobalNorm", updates, (update) =>
          update.mul(factor.cast(update.dtype)),
        ),
        state,
      };
    },
  };
}
