/** @file VGG networks: blocks of 3x3 convolutions, each block at half the size of the one before. */
import * as nn from "../../nn/index.ts";
import { kerasWeights } from "../pretrained/published.ts";
import { type Architecture, architecture } from "./architecture.ts";

/**
 * A VGG network with so many convolutions in its five blocks (Simonyan and Zisserman 2015, table 1). `md5`: of the published
 * weights with the top and without.
 */
export function vgg(
  name: string,
  convolutions: readonly number[],
  md5: readonly [string, string],
): Architecture {
  return architecture({
    name,
    paper: "Simonyan and Zisserman 2015, arXiv:1409.1556",
    inputSize: 224,
    leastSize: 32,
    preprocess: "caffe",
    published: ({ includeTop = true }) =>
      kerasWeights(
        `${name}/${name}_weights_tf_dim_ordering_tf_kernels${includeTop ? "" : "_notop"}.h5`,
        md5[includeTop ? 0 : 1],
      ),
    modelName: () => name,
    features(images) {
      let x = images;
      for (const [index, count] of convolutions.entries()) {
        const block = `block${index + 1}`;
        for (let i = 1; i <= count; i++)
          x = nn
            .conv2d({
              filters: Math.min(64 << index, 512),
              kernelSize: 3,
              padding: "same",
              activation: "relu",
              name: `${block}_conv${i}`,
            })
            .apply(x);
        x = nn.maxPool2d({ poolSize: 2, strides: 2, name: `${block}_pool` }).apply(x);
      }
      return x;
    },
    top(maps, { classes, activation }) {
      const dense = { units: 4096, activation: "relu" } as const;
      const flat = nn.flatten({ name: "flatten" }).apply(maps);
      const first = nn.dense({ ...dense, name: "fc1" }).apply(flat);
      const second = nn.dense({ ...dense, name: "fc2" }).apply(first);
      return nn.dense({ units: classes, activation, name: "predictions" }).apply(second);
    },
  });
}
