/** @file Hinge losses: nothing to learn from samples on the right side by a margin. */
import type { Tensor } from "../../ir/tensor.ts";
import { logicalOr, where } from "../../ops/index.ts";
import { pair, requireVectors } from "./pair.ts";

/** Mean of max(0, 1 - target · prediction); targets -1 and 1, or all of them 0 and 1. Throws ShapeError unless the shapes are equal. */
export function hinge(prediction: Tensor, target: Tensor): Tensor {
  return margin("hinge", prediction, target).mean();
}

/** Mean of max(0, 1 - target · prediction)²; targets as for `hinge`. Throws ShapeError unless the shapes are equal. */
export function squaredHinge(prediction: Tensor, target: Tensor): Tensor {
  const size = margin("squaredHinge", prediction, target);
  return size.mul(size).mean();
}

/**
 * Mean over the samples of max(0, 1 + the largest prediction of a wrong class - that of the right one); targets one-hot along
 * the last axis (Crammer and Singer 2001, section 3). Throws ShapeError unless the shapes are equal.
 */
export function categoricalHinge(prediction: Tensor, target: Tensor): Tensor {
  const [p, t] = pair("categoricalHinge", prediction, target);
  requireVectors("categoricalHinge", p);
  const right = p.mul(t).sum([-1]);
  const wrong = p.mul(t.neg().add(1)).max([-1]);
  return wrong.sub(right).add(1).relu().mean();
}

function margin(who: string, prediction: Tensor, target: Tensor): Tensor {
  const [p, t] = pair(who, prediction, target);
  // As in Keras: only where every target is 0 or 1 does 0 stand for -1.
  const binary = logicalOr(t.equal(0), t.equal(1)).all();
  const side = where(binary, t.mul(2).sub(1), t);
  return p.mul(side).neg().add(1).relu();
}
