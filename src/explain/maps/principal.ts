/** @file The first principal component of feature maps, whose sign is settled. */
import type { Tensor } from "../../ir/tensor.ts";

/** Squarings of the Gram matrix: 2^12 steps of the power method, enough for singular values 0.2% apart. */
const squarings = 12;

/**
 * x [N, h, w, C] -> [N, h, w]: each place's features, less their mean over places, along the direction in which they vary most
 * (what pytorch-grad-cam takes from a singular value decomposition). A direction's sign is arbitrary; here it is the one along
 * which the features add up to something positive, so that the map agrees with the sum of the channels wherever they agree on
 * anything. By the power method in the precision of x: repeated squaring of the smaller of the two Gram matrices.
 */
export function principalMap(x: Tensor): Tensor {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const places = height * width;
  const features = x.reshape([batch, places, channels]);
  const centred = features.sub(features.mean([1], true));
  const turned = centred.swapAxes(1, 2);
  const byChannel = channels <= places;
  const gram = byChannel ? turned.matmul(centred) : centred.matmul(turned);
  let power = normalised(gram);
  for (let i = 0; i < squarings; i++) power = normalised(power.matmul(power));
  // Columns of the power are all multiples of the first eigenvector: the largest is the most exact.
  const largest = power.square().sum([1]).argMax(-1);
  const extent = power.shape[1]!;
  const column = power.mul(largest.oneHot(extent, { dtype: x.dtype }).expandDims(1)).sum([2]);
  const polished = unit(gram.matmul(unit(column).expandDims(2)).squeeze(2));
  const direction = byChannel ? polished : unit(turned.matmul(polished.expandDims(2)).squeeze(2));
  const total = direction.sum([1], true);
  const signed = direction.mul(direction.onesLike().neg().where(total.less(0), 1));
  return centred.matmul(signed.expandDims(2)).reshape([batch, height, width]);
}

/** Matrices divided by their largest element, so that squares neither overflow nor vanish. */
function normalised(matrix: Tensor): Tensor {
  const largest = matrix.abs().max([1, 2], true);
  return matrix.div(largest.where(largest.greater(0), 1));
}

/** Vectors [N, n] of length 1; those of zeros stay. */
function unit(vector: Tensor): Tensor {
  const scaled = vector.abs().max([1], true);
  const safe = vector.div(scaled.where(scaled.greater(0), 1));
  const length = safe.square().sum([1], true).sqrt();
  return safe.div(length.where(length.greater(0), 1));
}
