/**
 * @file Arithmetic of maps as part of compiled programs: channels become one map, maps are resized, scaled and merged. Feature maps
 * and what channels contribute are [N, h, w, C], maps are [N, h, w].
 */
import type { Tensor } from "../ir/tensor.ts";
import { tensor } from "../ops/index.ts";

/** Ways to make one map of what the channels contribute: [N, h, w, C] -> [N, h, w], or unchanged for "each". */
export const folds = {
  /** The sum over channels. */
  sum: (x: Tensor): Tensor => x.sum([3]),
  /** The largest magnitude (Simonyan et al. 2013, section 3.1). */
  max: (x: Tensor): Tensor => x.abs().max([3]),
  /** The first principal component. */
  principal: (x: Tensor): Tensor => principalMap(x),
  /** A map for each channel. */
  each: (x: Tensor): Tensor => x,
} as const;

/**
 * The name of a way to make one map of channels: "sum", "max" (of magnitudes), "principal" (component) or "each" (channel its
 * own).
 */
export type Fold = keyof typeof folds;

/** Squarings of the Gram matrix: 2^12 steps of the power method, enough for singular values 0.2% apart. */
const squarings = 12;

/**
 * The projection of each position's features, minus their mean over positions, on the direction in which they vary most: what
 * pytorch-grad-cam takes from a singular value decomposition. The sign of such a direction is arbitrary; here its components add up
 * to something positive, so that the map agrees with the sum of the channels wherever they agree with one another. Computed by the
 * power method in the precision of x: repeated squaring of the smaller of the two Gram matrices.
 */
function principalMap(x: Tensor): Tensor {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const positions = height * width;
  const features = x.reshape([batch, positions, channels]);
  const centred = features.sub(features.mean([1], true));
  const transposed = centred.swapAxes(1, 2);
  const byChannel = channels <= positions;
  const gram = byChannel ? transposed.matmul(centred) : centred.matmul(transposed);
  let power = normalised(gram);
  for (let i = 0; i < squarings; i++) power = normalised(power.matmul(power));
  // Columns of the power are all multiples of the first eigenvector: the largest is the most exact.
  const largest = power.square().sum([1]).argMax(-1);
  const extent = power.shape[1]!;
  const column = power.mul(largest.oneHot(extent, { dtype: x.dtype }).expandDims(1)).sum([2]);
  const polished = unit(gram.matmul(unit(column).expandDims(2)).squeeze(2));
  const direction = byChannel
    ? polished
    : unit(transposed.matmul(polished.expandDims(2)).squeeze(2));
  const total = direction.sum([1], true);
  const signed = direction.mul(direction.onesLike().neg().where(total.less(0), 1));
  return centred.matmul(signed.expandDims(2)).reshape([batch, height, width]);
}

/** Matrices divided by their largest element, so that squares neither overflow nor vanish. */
function normalised(matrix: Tensor): Tensor {
  const largest = matrix.abs().max([1, 2], true);
  return matrix.div(largest.where(largest.greater(0), 1));
}

/** Vectors [N, n] scaled to length 1; vectors of zeros stay as they are. */
function unit(vector: Tensor): Tensor {
  const scaled = vector.abs().max([1], true);
  const safe = vector.div(scaled.where(scaled.greater(0), 1));
  const length = safe.square().sum([1], true).sqrt();
  return safe.div(length.where(length.greater(0), 1));
}

/** x [N, h, w, ...] scaled over rows and columns to [0, 1]; zeros where it is constant. */
export function unitRange(x: Tensor): Tensor {
  const above = x.sub(x.min([1, 2], true));
  const most = above.max([1, 2], true);
  return above.div(most.where(most.greater(0), 1));
}

/**
 * What keeps its position when a picture is resized: its corners (OpenCV, PyTorch's default), or the centres of its outer
 * pixels.
 */
export type Alignment = "halfPixel" | "corners";

/**
 * x [N, h, w, C] -> [N, height, width, C] by linear interpolation along rows and columns, written as two matrix products.
 * Beyond the edge the outermost values continue.
 */
export function resizeBilinear(
  x: Tensor,
  height: number,
  width: number,
  alignment: Alignment = "halfPixel",
): Tensor {
  const [, h, w] = x.shape as [number, number, number, number];
  if (h === height && w === width) return x;
  // Columns first, while the picture is still low: [N, h, C, w] x [w, width].
  const columns = interpolation(w, width, alignment, x).transpose();
  const wide = x.swapAxes(2, 3).matmul(columns);
  const rows = interpolation(h, height, alignment, x).transpose();
  // [N, width, C, h] x [h, height] -> [N, width, C, height] -> [N, height, width, C]
  return wide.transpose([0, 3, 2, 1]).matmul(rows).transpose([0, 3, 1, 2]);
}

/** [to, from]: the weight of each old pixel in each new one. */
function interpolation(from: number, to: number, alignment: Alignment, { dtype }: Tensor): Tensor {
  const weights = new Float64Array(to * from);
  const last = Math.max(1, to - 1);
  for (let i = 0; i < to; i++) {
    const at = alignment === "halfPixel" ? ((i + 0.5) * from) / to - 0.5 : (i * (from - 1)) / last;
    const inside = Math.min(Math.max(at, 0), from - 1);
    const low = Math.min(Math.floor(inside), Math.max(0, from - 2));
    const part = inside - low;
    weights[i * from + low]! += 1 - part;
    if (part > 0) weights[i * from + low + 1]! += part;
  }
  return tensor(weights, { shape: [to, from], dtype });
}

/**
 * Maps [N, h, w] of several layers as one [N, height, width]: each is scaled to [0, 1] and enlarged to the image's size, and their
 * mean is scaled again, as pytorch-grad-cam merges layers.
 */
export function mergedMaps(maps: readonly Tensor[], height: number, width: number): Tensor {
  const enlarged = maps.map((map) =>
    resizeBilinear(unitRange(map).expandDims(3), height, width).squeeze(3),
  );
  return unitRange(enlarged.reduce((sum, map) => sum.add(map)).div(maps.length));
}
