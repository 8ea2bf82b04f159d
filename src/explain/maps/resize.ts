/** @file Bilinear resizing of maps as two matrix products, so that it can be part of a program. */
import type { Tensor } from "../../ir/tensor.ts";
import { tensor } from "../../ops/index.ts";

/** Where pixels lie: their corners at the ends of the picture (OpenCV, PyTorch's default), or the outer pixels' centres. */
export type Alignment = "halfPixel" | "corners";

/** x [N, h, w, C] -> [N, height, width, C], by linear interpolation along rows and columns; beyond the edge counts the edge. */
export function resizeBilinear(
  x: Tensor,
  height: number,
  width: number,
  alignment: Alignment = "halfPixel",
): Tensor {
  const [, h, w] = x.shape as [number, number, number, number];
  if (h === height && w === width) return x;
  // Columns first, where the picture is still low: [N, h, C, w] x [w, width].
  const columns = matrix(w, width, alignment, x).transpose();
  const wide = x.swapAxes(2, 3).matmul(columns);
  const rows = matrix(h, height, alignment, x).transpose();
  // [N, width, C, h] x [h, height] -> [N, width, C, height] -> [N, height, width, C]
  return wide.transpose([0, 3, 2, 1]).matmul(rows).transpose([0, 3, 1, 2]);
}

/** [to, from]: what each old pixel counts in each new one. */
function matrix(from: number, to: number, alignment: Alignment, { dtype }: Tensor): Tensor {
  const elements = new Float64Array(to * from);
  for (let i = 0; i < to; i++) {
    const place =
      alignment === "halfPixel"
        ? ((i + 0.5) * from) / to - 0.5
        : to === 1
          ? 0
          : (i * (from - 1)) / (to - 1);
    const inside = Math.min(Math.max(place, 0), from - 1);
    const low = Math.min(Math.floor(inside), Math.max(0, from - 2));
    const part = inside - low;
    elements[i * from + low]! += 1 - part;
    if (part > 0) elements[i * from + low + 1]! += part;
  }
  return tensor(elements, { shape: [to, from], dtype });
}
