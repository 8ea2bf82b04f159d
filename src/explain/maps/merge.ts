/** @file Maps of several layers as one. */
import type { Tensor } from "../../ir/tensor.ts";
import { resizeBilinear } from "./resize.ts";

/** Keeps maps without a positive value from being divided by zero (pytorch-grad-cam's constant). */
const epsilon = 1e-7;

/**
 * Maps [N, h, w] of several layers -> [N, height, width]: each scaled to [0, 1], enlarged to the image's size, and their mean
 * scaled again, as pytorch-grad-cam merges layers.
 */
export function mergedMaps(maps: readonly Tensor[], height: number, width: number): Tensor {
  const enlarged = maps.map((map) =>
    resizeBilinear(scaled(map).expandDims(3), height, width).squeeze(3),
  );
  return scaled(enlarged.reduce((sum, map) => sum.add(map)).div(maps.length));
}

function scaled(map: Tensor): Tensor {
  const above = map.sub(map.min([1, 2], true));
  return above.div(above.max([1, 2], true).add(epsilon));
}
