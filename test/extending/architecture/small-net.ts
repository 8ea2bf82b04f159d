/** @file An architecture: one convolution, and the usual head. */
import { architecture, meansToClasses } from "../../../src/models/architectures/architecture.ts";
import * as nn from "../../../src/nn/index.ts";

export const smallNet = architecture({
  name: "small-net",
  paper: "this test",
  inputSize: 8,
  leastSize: 4,
  preprocess: "tf",
  modelName: () => "small_net",
  features: (images) => nn.conv2d({ filters: 4, kernelSize: 3, name: "conv" }).apply(images),
  top: meansToClasses,
});
