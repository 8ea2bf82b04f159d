/** @file Saliency: the image's gradient. */
import { explainer } from "../explain.ts";

/** How strongly the score answers to each pixel: the largest magnitude of its channels' derivatives. */
export const saliency = explainer({
  name: "saliency",
  title: "Saliency",
  source: "Simonyan et al. 2013, section 3.1",
  at: "image",
  fold: "max",
  relu: false,
  contributions: ({ gradients }) => gradients,
});
