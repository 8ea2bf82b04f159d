/** @file SqueezeNet 1.1: 1x1 convolutions squeeze channels before 1x1 and 3x3 ones expand them. */
import * as nn from "../../nn/index.ts";
import { type Architecture, architecture } from "./architecture.ts";

/** Figure 1: the fire module. */
function fire(
  x: nn.SymbolicTensor,
  number: number,
  squeezed: number,
  expanded: number,
): nn.SymbolicTensor {
  const conv = { activation: "relu", padding: "same" } as const;
  const convolved = (
    y: nn.SymbolicTensor,
    part: string,
    kernelSize: number,
    filters: number,
  ): nn.SymbolicTensor =>
    nn
      .conv2d({
        ...conv,
        kernelSize,
        filters,
        name: `fire${number}_${part}${kernelSize}x${kernelSize}`,
      })
      .apply(y);
  const y = convolved(x, "squeeze", 1, squeezed);
  const branches = [convolved(y, "expand", 1, expanded), convolved(y, "expand", 3, expanded)];
  return nn.concatenate({ name: `fire${number}_concat` }).apply(branches);
}

export const squeezenetArchitecture: Architecture = architecture({
  name: "squeezenet",
  paper: "Iandola et al. 2016, arXiv:1602.07360",
  inputSize: 224,
  leastSize: 32,
  preprocess: "raw-bgr",
  modelName: () => "squeezenet",
  features(images) {
    const pooled = (x: nn.SymbolicTensor, name: string): nn.SymbolicTensor =>
      nn.maxPool2d({ poolSize: 3, strides: 2, name }).apply(x);
    const stem = { filters: 64, kernelSize: 3, strides: 2, activation: "relu" } as const;
    let x = nn.conv2d({ ...stem, name: "conv1" }).apply(images);
    x = pooled(x, "pool1");
    for (const number of [2, 3]) x = fire(x, number, 16, 64);
    x = pooled(x, "pool3");
    for (const number of [4, 5]) x = fire(x, number, 32, 128);
    x = pooled(x, "pool5");
    for (const number of [6, 7]) x = fire(x, number, 48, 192);
    for (const number of [8, 9]) x = fire(x, number, 64, 256);
    return x;
  },
  top(maps, { classes, activation }) {
    let x = nn.dropout({ rate: 0.5, name: "drop9" }).apply(maps);
    const scores = { filters: classes, kernelSize: 1, activation: "relu" } as const;
    x = nn.conv2d({ ...scores, name: "conv10" }).apply(x);
    x = nn.globalAveragePool2d({ name: "pool10" }).apply(x);
    return nn.activation({ activation, name: "predictions" }).apply(x);
  },
});

/**
 * SqueezeNet 1.1, 1,235,496 parameters (Iandola et al. 2016, figure 2, with fewer and smaller filters in front as its authors
 * published it later). Images [batch, 224, 224, 3], BGR from 0 to 255 ("raw-bgr").
 */
export const squeezenet: Architecture["build"] = squeezenetArchitecture.build;
