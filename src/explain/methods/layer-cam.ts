/** @file LayerCAM: every place by its own positive gradient, also useful at shallow layers. */
import { type Explainer, explainer } from "../explain.ts";

/** Feature maps times the positive part of gradients, place by place. */
export const layerCam: Explainer = explainer({
  name: "layerCam",
  title: "LayerCAM",
  source: "Jiang et al. 2021, eq. 5 to 7",
  at: "layer",
  fold: "sum",
  relu: true,
  contributions: ({ activations, gradients }) => activations.mul(gradients.relu()),
});
