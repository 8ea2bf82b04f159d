/** @file Input x gradient: what pixels contribute to the score's linear approximation. */
import { type Explainer, explainer } from "../explain.ts";

/** The image times its gradient. Numbers are those that the network takes: a zero is no contribution, whatever its colour. */
export const inputXGradient: Explainer = explainer({
  name: "inputXGradient",
  title: "Input x gradient",
  source: "Shrikumar et al. 2016, section 3",
  at: "image",
  fold: "sum",
  relu: false,
  contributions: ({ activations: images, gradients }) => images.mul(gradients),
});
