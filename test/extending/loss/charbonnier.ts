/** @file A loss: a smooth absolute difference (Charbonnier et al. 1994). */
import type { Tensor } from "../../../src/index.ts";

export const charbonnier =
  (epsilon = 1e-3) =>
  (output: Tensor, target: Tensor): Tensor =>
    output
      .sub(target)
      .square()
      .add(epsilon ** 2)
      .sqrt()
      .mean();
