/** @file Maps scaled to one range. */
import type { Tensor } from "../../ir/tensor.ts";

/** x [N, h, w, ...] scaled over rows and columns to [0, 1]; all zeros where it is the same everywhere. */
export function unitRange(x: Tensor): Tensor {
  const above = x.sub(x.min([1, 2], true));
  const most = above.max([1, 2], true);
  return above.div(most.where(most.greater(0), 1));
}
