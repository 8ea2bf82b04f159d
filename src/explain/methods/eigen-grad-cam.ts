/** @file Eigen-Grad-CAM: Eigen-CAM of what speaks for a class. */
import { type Explainer, explainer } from "../explain.ts";

/** The first principal component of feature maps times gradients, its sign as `principalMap` settles it. */
export const eigenGradCam: Explainer = explainer({
  name: "eigenGradCam",
  title: "Eigen-Grad-CAM",
  source: "pytorch-grad-cam's EigenGradCAM, after Muhammad and Yeasin 2020, eq. 3 and 4",
  at: "layer",
  fold: "principal",
  relu: true,
  contributions: ({ activations, gradients }) => activations.mul(gradients),
});
