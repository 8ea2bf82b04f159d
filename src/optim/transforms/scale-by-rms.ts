/** @file The gradient over the root of its mean square. */
import { checkOptions } from "../../base/options.ts";
import { type Tree, mapTree } from "../../ir/tree.ts";
import { zerosLike } from "../../ops/index.ts";
import { type Transformation, checkRange } from "../transformation.ts";
import { zipTreesMany } from "../zip-trees.ts";

/** Constants of the running mean square. */
export interface RmsOptions {
  /** Of the running means: 0.99 unless given. */
  readonly decay?: number;
  /** Added to the root: 1e-8 unless given. */
  readonly epsilon?: number;
  /** Whether to take the variance in place of the mean square: false unless given. */
  readonly centered?: boolean;
}

/** Names of the options of `scaleByRms`. */
export const rmsOptions: readonly string[] = ["decay", "epsilon", "centered"];

/** g / (√s + ε), s = decay · s + (1 - decay) g²; centred, √(s - m²) with m the running mean of g (Graves 2013, eqs. 38 to 40). */
export function scaleByRms(options: RmsOptions = {}): Transformation {
  checkOptions("scaleByRms", options, rmsOptions);
  const { decay = 0.99, epsilon = 1e-8, centered = false } = options;
  checkRange("decay", decay, 0, 1);
  checkRange("epsilon", epsilon, 0, Infinity);
  const who = "scaleByRms";
  return {
    init: (params) => ({
      square: mapTree(who, params as Tree, zerosLike),
      mean: centered ? mapTree(who, params as Tree, zerosLike) : [],
    }),
    transform: (updates, state, _params, _step) => {
      const { square, mean } = state as { readonly square: Tree; readonly mean: Tree };
      if (!centered) {
        const [direction, newSquare] = zipTreesMany(who, 2, updates, [square], (g, s) => {
          const next = s!.mul(decay).add(g!.mul(g!).mul(1 - decay));
          return [g!.div(next.sqrt().add(epsilon)), next];
        });
        return { updates: direction!, state: { square: newSquare as Tree, mean: [] } };
      }
      const [direction, newSquare, newMean] = zipTreesMany(
        who,
        3,
        updates,
        [square, mean],
        (g, s, m) => {
          const next = s!.mul(decay).add(g!.mul(g!).mul(1 - decay));
          const average = m!.mul(decay).add(g!.mul(1 - decay));
          // A variance that rounding makes negative is 0.
          const variance = next.sub(average.mul(average)).maximum(0);
          return [g!.div(variance.sqrt().add(epsilon)), next, average];
        },
      );
      return { updates: direction!, state: { square: newSquare as Tree, mean: newMean as Tree } };
    },
  };
}
