/** @file From what each channel contributes to one map. */
import type { Tensor } from "../../ir/tensor.ts";
import { principalMap } from "./principal.ts";

/** Ways to make one map of channels: [N, h, w, C] -> [N, h, w], or as it was for "each". */
export const folds = {
  /** The sum. */
  sum: (x: Tensor): Tensor => x.sum([3]),
  /** The largest magnitude (Simonyan et al. 2013, section 3.1). */
  max: (x: Tensor): Tensor => x.abs().max([3]),
  /** The first principal component. */
  principal: (x: Tensor): Tensor => principalMap(x),
  /** No map but one for each channel. */
  each: (x: Tensor): Tensor => x,
} as const;

/** The name of a fold. */
export type Fold = keyof typeof folds;
