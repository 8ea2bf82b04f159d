/** @file ResNet50: bottlenecks of three convolutions, each with a way around it. */
import * as nn from "../../nn/index.ts";
import { type Architecture, architecture, meansToClasses, publishedPair } from "./architecture.ts";

const epsilon = 1.001e-5;

function normalized(
  x: nn.SymbolicTensor,
  filters: number,
  kernelSize: number,
  strides: number,
  name: string,
): nn.SymbolicTensor {
  const padding = kernelSize === 3 ? "same" : "valid";
  const convolved = nn
    .conv2d({ filters, kernelSize, strides, padding, name: `${name}_conv` })
    .apply(x);
  return nn.batchNorm({ epsilon, name: `${name}_bn` }).apply(convolved);
}

const relu = (x: nn.SymbolicTensor, name: string): nn.SymbolicTensor =>
  nn.activation({ activation: "relu", name }).apply(x);

/** Figure 5, right. The first one of a stack changes size and channels, so that its way around is a convolution. */
function bottleneck(
  x: nn.SymbolicTensor,
  filters: number,
  strides: number,
  isFirst: boolean,
  name: string,
): nn.SymbolicTensor {
  const around = isFirst ? normalized(x, 4 * filters, 1, strides, `${name}_0`) : x;
  let y = relu(normalized(x, filters, 1, strides, `${name}_1`), `${name}_1_relu`);
  y = relu(normalized(y, filters, 3, 1, `${name}_2`), `${name}_2_relu`);
  y = normalized(y, 4 * filters, 1, 1, `${name}_3`);
  return relu(nn.add({ name: `${name}_add` }).apply([around, y]), `${name}_out`);
}

/** Bottlenecks in the stacks conv2 to conv5. */
const stacks = [3, 4, 6, 3];

export const resnet50Architecture: Architecture = architecture({
  name: "resnet50",
  paper: "He et al. 2016, arXiv:1512.03385",
  inputSize: 224,
  leastSize: 32,
  preprocess: "caffe",
  published: publishedPair(
    "tensorflow/keras-applications/resnet/resnet50_weights_tf_dim_ordering_tf_kernels",
    ["2cb95161c43110f7111970584f804107", "4d473c1dd8becc155b73f8504c6f6626"],
  ),
  modelName: () => "resnet50",
  poolNames: { avg: "avg_pool", max: "max_pool" },
  features(images) {
    let x = nn.zeroPadding2d({ padding: 3, name: "conv1_pad" }).apply(images);
    x = relu(normalized(x, 64, 7, 2, "conv1"), "conv1_relu");
    x = nn.zeroPadding2d({ padding: 1, name: "pool1_pad" }).apply(x);
    x = nn.maxPool2d({ poolSize: 3, strides: 2, name: "pool1_pool" }).apply(x);
    for (const [stack, count] of stacks.entries())
      for (let block = 0; block < count; block++) {
        const strides = block === 0 && stack > 0 ? 2 : 1;
        const name = `conv${stack + 2}_block${block + 1}`;
        x = bottleneck(x, 64 << stack, strides, block === 0, name);
      }
    return x;
  },
  top: (maps, options) => meansToClasses(maps, options, "avg_pool"),
});

/**
 * ResNet50, 25,636,712 parameters (He et al. 2016, table 1). As in Keras, the stride of a stack is in the first 1x1 convolution.
 * Images [batch, 224, 224, 3], BGR without ImageNet's mean ("caffe").
 */
export const resnet50: Architecture["build"] = resnet50Architecture.build;
