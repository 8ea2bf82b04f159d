/** @file Losses of whole vectors, along the last axis: distributions and directions. */
import type { Tensor } from "../../ir/tensor.ts";
import { where } from "../../ops/index.ts";
import { epsilon, pair, requireVectors } from "./pair.ts";

/**
 * Mean over the samples of sum_k t_k log(t_k / p_k) (Kullback and Leibler 1951, eq. 2.4), distributions along the last axis,
 * both clipped to [1e-7, 1] as in Keras. Throws ShapeError unless the shapes are equal.
 */
export function kullbackLeibler(prediction: Tensor, target: Tensor): Tensor {
  const [p, t] = pair("kullbackLeibler", prediction, target);
  requireVectors("kullbackLeibler", p);
  const [a, b] = [t.clip(epsilon, 1), p.clip(epsilon, 1)];
  return a.mul(a.log().sub(b.log())).sum([-1]).mean();
}

/**
 * Minus the mean cosine of the angle between prediction and target along the last axis: -1 where they point the same way, as in
 * Keras. A zero vector is at right angles to everything. Throws ShapeError unless the shapes are equal.
 */
export function cosineSimilarity(prediction: Tensor, target: Tensor): Tensor {
  const [p, t] = pair("cosineSimilarity", prediction, target);
  requireVectors("cosineSimilarity", p);
  return unit(p).mul(unit(t)).sum([-1]).mean().neg();
}

/** x / |x|. Scaled by the largest element first, whose square then neither overflows nor vanishes. */
function unit(x: Tensor): Tensor {
  const largest = x.abs().max([-1], true).stopGradient();
  const scaled = x.div(where(largest.equal(0), 1, largest));
  const length = scaled.norm([-1], true);
  return scaled.div(where(length.equal(0), 1, length));
}
