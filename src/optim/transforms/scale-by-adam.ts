/** @file Adam's direction: the gradient's mean over the root of its mean square. */
import { checkOptions } from "../../base/options.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { type Tree, mapTree } from "../../ir/tree.ts";
import { scalar, zerosLike } from "../../ops/index.ts";
import { type Transformation, checkRange } from "../transformation.ts";
import { zipTreesMany } from "../zip-trees.ts";

/** Constants of Adam. */
export interface AdamMoments {
  /** Decay of the mean: 0.9 unless given. */
  readonly beta1?: number;
  /** Decay of the mean square: 0.999 unless given. */
  readonly beta2?: number;
  /** Added to the root: 1e-8 unless given. */
  readonly epsilon?: number;
}

/** Names of the options of `scaleByAdam`. */
export const adamMoments: readonly string[] = ["beta1", "beta2", "epsilon"];

/** (m / (1 - β1ᵗ)) / (√(v / (1 - β2ᵗ)) + ε) with m and v the running means of g and g² (Kingma and Ba 2014, algorithm 1). */
export function scaleByAdam(options: AdamMoments = {}): Transformation {
  checkOptions("scaleByAdam", options, adamMoments);
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options;
  checkRange("beta1", beta1, 0, 1);
  checkRange("beta2", beta2, 0, 1);
  checkRange("epsilon", epsilon, 0, Infinity);
  const who = "scaleByAdam";
  return {
    init: (params) => ({
      mean: mapTree(who, params as Tree, zerosLike),
      square: mapTree(who, params as Tree, zerosLike),
    }),
    transform: (updates, state, _params, step) => {
      const { mean, square } = state as { readonly mean: Tree; readonly square: Tree };
      // In float64, and by expm1: 1 - 0.999 in float32 is off by 1e-5 of its size.
      const turn = step.cast("float64").add(1);
      // The library's own logarithm: Math.log may differ between engines.
      const missing = (beta: number): Tensor =>
        turn
          .mul(scalar(beta, { dtype: "float64" }).log())
          .expm1()
          .neg();
      const correction1 = missing(beta1);
      const correction2 = missing(beta2).sqrt();
      const [direction, newMean, newSquare] = zipTreesMany(
        who,
        3,
        updates,
        [mean, square],
        (g, m, v) => {
          const first = m!.mul(beta1).add(g!.mul(1 - beta1));
          const second = v!.mul(beta2).add(g!.mul(g!).mul(1 - beta2));
          const root = second.sqrt().div(correction2.cast(g!.dtype)).add(epsilon);
          return [first.div(correction1.cast(g!.dtype)).div(root), first, second];
        },
      );
      return { updates: direction!, state: { mean: newMean as Tree, square: newSquare as Tree } };
    },
  };
}
