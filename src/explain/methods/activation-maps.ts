/**
 * @file Class activation maps: what the channels of a layer contribute to a score, from the layer's activations A and the
 * score's derivative by them. One entry for each method, with its paper and equation.
 */
import { type Explainer, explainer } from "../explainer.ts";
import { resizeBilinear } from "../maps.ts";

/** Feature maps weighted by the mean gradient of the score with respect to each, then the positive part of their sum. */
export const gradCam: Explainer = explainer({
  name: "gradCam",
  title: "Grad-CAM",
  source: "Selvaraju et al. 2016, eq. 1 and 2",
  at: "layer",
  fold: "sum",
  relu: true,
  contributions: ({ activations, gradients }) => activations.mul(gradients.mean([1, 2], true)),
});

/**
 * Grad-CAM with a weight for each position, so that several instances of a class are found. With y = exp(score) the second and
 * third derivatives are powers of the first (eq. 19). As in pytorch-grad-cam, the factor exp(score) of all weights is left out
 * and a small constant keeps the quotient finite where gradients vanish.
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
    const share = square.div(square.mul(2).add(total.mul(cube)).add(1e-6));
    const alpha = share.where(gradients.notEqual(0), 0);
    return activations.mul(alpha.mul(gradients.relu()).sum([1, 2], true));
  },
});

/**
 * Feature maps times gradients, position by position: what each position adds to the score if the network is linear above the
 * layer.
 */
export const hiResCam: Explainer = explainer({
  name: "hiResCam",
  title: "HiResCAM",
  source: "Draelos and Carin 2020, eq. 6",
  at: "layer",
  fold: "sum",
  relu: true,
  contributions: ({ activations, gradients }) => activations.mul(gradients),
});

/** Feature maps times the positive part of gradients, position by position; useful at shallow layers, too. */
export const layerCam: Explainer = explainer({
  name: "layerCam",
  title: "LayerCAM",
  source: "Jiang et al. 2021, eq. 5 to 7",
  at: "layer",
  fold: "sum",
  relu: true,
  contributions: ({ activations, gradients }) => activations.mul(gradients.relu()),
});

/**
 * Grad-CAM with gradients averaged by activations, the weights that come closest to two axioms, sensitivity and conservation.
 * The constant of pytorch-grad-cam keeps the quotient finite for feature maps of zeros.
 */
export const xGradCam: Explainer = explainer({
  name: "xGradCam",
  title: "XGrad-CAM",
  source: "Fu et al. 2020, eq. 8",
  at: "layer",
  fold: "sum",
  relu: true,
  contributions({ activations, gradients }) {
    const total = activations.sum([1, 2], true).add(1e-7);
    const weights = gradients.mul(activations).div(total).sum([1, 2], true);
    return activations.mul(weights);
  },
});

/** The first principal component of the feature maps: where they vary most, whatever the class. */
export const eigenCam: Explainer = explainer({
  name: "eigenCam",
  title: "Eigen-CAM",
  source: "Muhammad and Yeasin 2020, eq. 3 and 4",
  at: "layer",
  fold: "principal",
  relu: true,
  contributions: ({ activations }) => activations,
});

/** The first principal component of feature maps times gradients: Eigen-CAM of what speaks for a class. */
export const eigenGradCam: Explainer = explainer({
  name: "eigenGradCam",
  title: "Eigen-Grad-CAM",
  source: "pytorch-grad-cam's EigenGradCAM, after Muhammad and Yeasin 2020, eq. 3 and 4",
  at: "layer",
  fold: "principal",
  relu: true,
  contributions: ({ activations, gradients }) => activations.mul(gradients),
});

/**
 * Guided backpropagation times Grad-CAM of the layer, enlarged to the image's size: the detail of the one where the other finds
 * the class.
 */
export const guidedGradCam: Explainer = explainer({
  name: "guidedGradCam",
  title: "Guided Grad-CAM",
  source: "Selvaraju et al. 2016, section 3.2",
  at: "layer",
  fold: "max",
  relu: false,
  contributions({ activations, gradients, guidedGradients, images }) {
    const [, height, width] = images.shape as [number, number, number];
    const cam = activations
      .mul(gradients.mean([1, 2], true))
      .sum([3], true)
      .relu();
    return resizeBilinear(cam, height, width).mul(guidedGradients);
  },
});
