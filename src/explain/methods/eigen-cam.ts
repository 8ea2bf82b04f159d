/** @file Eigen-CAM: where feature maps vary most, whatever the class. */
import { type Explainer, explainer } from "../explain.ts";

/** The first principal component of the feature maps, its sign as `principalMap` settles it. No class takes part. */
export const eigenCam: Explainer = explainer({
  name: "eigenCam",
  title: "Eigen-CAM",
  source: "Muhammad and Yeasin 2020, eq. 3 and 4",
  at: "layer",
  fold: "principal",
  relu: true,
  contributions: ({ activations }) => activations,
});
