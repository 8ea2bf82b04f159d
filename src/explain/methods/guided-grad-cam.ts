/** @file Guided Grad-CAM: the detail of guided backpropagation where Grad-CAM finds the class. */
import { type Explainer, explainer } from "../explain.ts";
import { resizeBilinear } from "../maps/resize.ts";

/** Guided backpropagation times Grad-CAM of the layer, enlarged to the image's size. */
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
