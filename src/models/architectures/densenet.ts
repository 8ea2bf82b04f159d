/** @file DenseNet121: every layer of a block gets the feature maps of all before it. */
import * as nn from "../../nn/index.ts";
import { type Architecture, architecture, meansToClasses, publishedPair } from "./architecture.ts";

const growthRate = 32;

/** Layers in the dense blocks conv2 to conv5. */
const blocks = [6, 12, 24, 16];

function activated(x: nn.SymbolicTensor, prefix: string): nn.SymbolicTensor {
  const normalized = nn.batchNorm({ epsilon: 1.001e-5, name: `${prefix}bn` }).apply(x);
  return nn.activation({ activation: "relu", name: `${prefix}relu` }).apply(normalized);
}

function denseLayer(x: nn.SymbolicTensor, name: string): nn.SymbolicTensor {
  const conv = { padding: "same", useBias: false } as const;
  let y = activated(x, `${name}_0_`);
  y = nn
    .conv2d({ ...conv, filters: 4 * growthRate, kernelSize: 1, name: `${name}_1_conv` })
    .apply(y);
  y = activated(y, `${name}_1_`);
  y = nn.conv2d({ ...conv, filters: growthRate, kernelSize: 3, name: `${name}_2_conv` }).apply(y);
  return nn.concatenate({ name: `${name}_concat` }).apply([x, y]);
}

/** Halves channels, rows and columns (section 3, "pooling layers" and "compression"). */
function transition(x: nn.SymbolicTensor, name: string): nn.SymbolicTensor {
  let y = activated(x, `${name}_`);
  const filters = Math.floor(y.shape[2]! / 2);
  y = nn.conv2d({ filters, kernelSize: 1, useBias: false, name: `${name}_conv` }).apply(y);
  return nn.averagePool2d({ poolSize: 2, strides: 2, name: `${name}_pool` }).apply(y);
}

export const densenet121Architecture: Architecture = architecture({
  name: "densenet121",
  paper: "Huang et al. 2017, arXiv:1608.06993",
  inputSize: 224,
  leastSize: 32,
  preprocess: "torch",
  published: publishedPair(
    "tensorflow/keras-applications/densenet/densenet121_weights_tf_dim_ordering_tf_kernels",
    ["9d60b8095a5708f2dcce2bca79d332c7", "30ee3e1110167f948a6b9946edeeb738"],
  ),
  modelName: () => "densenet121",
  poolNames: { avg: "avg_pool", max: "max_pool" },
  features(images) {
    let x = nn.zeroPadding2d({ padding: 3 }).apply(images);
    const stem = { filters: 64, kernelSize: 7, strides: 2, useBias: false };
    x = nn.conv2d({ ...stem, name: "conv1_conv" }).apply(x);
    x = nn.zeroPadding2d({ padding: 1 }).apply(activated(x, "conv1_"));
    x = nn.maxPool2d({ poolSize: 3, strides: 2, name: "pool1" }).apply(x);
    for (const [block, count] of blocks.entries()) {
      if (block > 0) x = transition(x, `pool${block + 1}`);
      for (let i = 1; i <= count; i++) x = denseLayer(x, `conv${block + 2}_block${i}`);
    }
    return activated(x, "");
  },
  top: (maps, options) => meansToClasses(maps, options, "avg_pool"),
});

/**
 * DenseNet121 with a growth rate of 32, 8,062,504 parameters (Huang et al. 2017, table 1).
 * Images [batch, 224, 224, 3], standardised by ImageNet's mean and deviation ("torch").
 */
export const densenet121: Architecture["build"] = densenet121Architecture.build;
