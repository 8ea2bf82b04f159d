/** @file Saliency: the image's gradient. */
import { type Explainer, explainer } from "../explain.ts";

/** How strongly the score answers to each pixel: the largest magnitude of its channels' derivatives. */
export const saliency: Explainer = explainer({
  name: "saliency",
  title: "Saliency",
  source: "Simonyan et al. 2013, section 3.1",
  at: "image",
  fold: "max",
  relu: false,
  contributions: ({ gradients }) => gradients,
});
