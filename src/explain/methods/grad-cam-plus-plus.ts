/** @file Grad-CAM++: feature maps weighted by positive gradients, each place by how much it alone would explain. */
import { type Explainer, explainer } from "../explain.ts";

/** Keeps the quotient finite where gradients vanish (pytorch-grad-cam's constant). */
const epsilon = 1e-6;

/**
 * Grad-CAM with weights for places, so that several instances of a class are found. With y = exp(score) the second and third
 * derivatives are powers of the first (eq. 19); the factor exp(score) of all weights is left out, as in pytorch-grad-cam.
 */
export const gradCamPlusPlus: Explainer = explainer({
  name: "gradCamPlusPlus",
  title: "Grad-CAM++",
  source: "Chattopadhay et al. 2018, eq. 5 and 19",
  at: "layer",
  fold: "sum",
  relu: true,
  contributions({ activations, gradients }) {
    const square = gradients.square();
    const cube = square.mul(gradients);
    const total = activations.sum([1, 2], true);
    const share = square.div(square.mul(2).add(total.mul(cube)).add(epsilon));
    const alpha = share.where(gradients.notEqual(0), 0);
    return activations.mul(alpha.mul(gradients.relu()).sum([1, 2], true));
  },
});
