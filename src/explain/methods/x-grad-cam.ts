/** @file XGrad-CAM: gradients averaged with the activations as weights. */
import { type Explainer, explainer } from "../explain.ts";

/** Keeps the quotient finite for feature maps of zeros (pytorch-grad-cam's constant). */
const epsilon = 1e-7;

/** Grad-CAM with weights that meet two axioms, sensitivity and conservation, as well as weights can. */
export const xGradCam: Explainer = explainer({
  name: "xGradCam",
  title: "XGrad-CAM",
  source: "Fu et al. 2020, eq. 8",
  at: "layer",
  fold: "sum",
  relu: true,
  contributions({ activations, gradients }) {
    const total = activations.sum([1, 2], true).add(epsilon);
    const weights = gradients.mul(activations).div(total).sum([1, 2], true);
    return activations.mul(weights);
  },
});
