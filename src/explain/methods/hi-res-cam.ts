/** @file HiResCAM: every place by its own gradient. */
import { type Explainer, explainer } from "../explain.ts";

/** Feature maps times gradients, place by place: what the layer's places add to the score of a network linear above it. */
export const hiResCam: Explainer = explainer({
  name: "hiResCam",
  title: "HiResCAM",
  source: "Draelos and Carin 2020, eq. 6",
  at: "layer",
  fold: "sum",
  relu: true,
  contributions: ({ activations, gradients }) => activations.mul(gradients),
});
