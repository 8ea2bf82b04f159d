/** @file A function made of others that stays one named node until it is compiled: tanh, scaled so that its slope at 0 is 1. */
import type { Tensor } from "../../../src/index.ts";
import { composite } from "../../../src/ops/composite.ts";

export function softClip(x: Tensor, limit: number): Tensor {
  return composite("softClip", { limit }, [x], (a) => a.div(limit).tanh().mul(limit));
}
