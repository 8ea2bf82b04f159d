/** @file Maps of several layers as one. */
import type { Tensor } from "../../ir/tensor.ts";
import { resizeBilinear } from "./resize.ts";
import { unitRange } from "./scale.ts";

/**
 * Maps [N, h, w] of several layers -> [N, height, width]: each scaled to [0, 1], enlarged to the image's size, and their mean
 * scaled again, as pytorch-grad-cam merges layers.
 */
export function mergedMaps(maps: readonly Tensor[], height: number, width: number): Tensor {
  const enlarged = maps.map((map) =>
    resizeBilinear(unitRange(map).expandDims(3), height, width).squeeze(3),
  );
  return unitRange(enlarged.reduce((sum, map) => sum.add(map)).div(maps.length));
}
