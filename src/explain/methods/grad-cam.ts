/** @file Grad-CAM: feature maps weighted by mean gradients. */
import { type Explainer, explainer } from "../explain.ts";

/** Feature maps weighted by the mean gradient of the score with respect to each, the positive part of their sum. */
export const gradCam: Explainer = explainer({
  name: "gradCam",
  title: "Grad-CAM",
  source: "Selvaraju et al. 2016, eq. 1 and 2",
  at: "layer",
  fold: "sum",
  relu: true,
  contributions: ({ activations, gradients }) => activations.mul(gradients.mean([1, 2], true)),
});
