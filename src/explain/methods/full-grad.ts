/** @file FullGrad: the image's and every bias' share of the score, added up over the network. */
import { type Explainer, explainer } from "../explain.ts";
import { resizeBilinear } from "../maps/resize.ts";
import { unitRange } from "../maps/scale.ts";

/**
 * A network of ReLUs computes x · ∂f/∂x plus the sum over all biases of b · ∂f/∂b (eq. 3). The map adds up the magnitudes of
 * these terms that have a place: the image's, and those of biases of feature maps, each channel scaled to [0, 1] and enlarged
 * to the image's size (as pytorch-grad-cam does; the authors' program scales all channels of a layer together).
 */
export const fullGrad: Explainer = explainer({
  name: "fullGrad",
  title: "FullGrad",
  source: "Srinivas and Fleuret 2019, eq. 3 and 5",
  at: "image",
  fold: "sum",
  relu: true,
  contributions({ activations: images, gradients, biases }) {
    const [, height, width] = images.shape as [number, number, number];
    const shares = biases.map(({ bias, gradients: derivative }) => bias.mul(derivative));
    return [images.mul(gradients), ...shares]
      .map((share) => resizeBilinear(unitRange(share.abs()), height, width).sum([3], true))
      .reduce((sum, map) => sum.add(map));
  },
});
