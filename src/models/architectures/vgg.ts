/** @file VGG networks: blocks of 3x3 convolutions, each block at half the size of the one before. */
import * as nn from "../../nn/index.ts";
import { type Architecture, architecture, publishedPair } from "./architecture.ts";

/**
 * A VGG network with these numbers of convolutions in its five blocks (Simonyan and Zisserman 2015, table 1). `md5`: of the published
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
    published: publishedPair(
      `tensorflow/keras-applications/${name}/${name}_weights_tf_dim_ordering_tf_kernels`,
      md5,
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

export const vgg16Architecture: Architecture = vgg(
  "vgg16",
  [2, 2, 3, 3, 3],
  ["64373286793e3c8b2b4e3219cbf3544b", "6d6bbae143d832006294945121d1f1fc"],
);

/**
 * VGG16: 13 convolutions and 3 dense layers, 138,357,544 parameters (Simonyan and Zisserman 2015, table 1, D).
 * Images [batch, 224, 224, 3], BGR without ImageNet's mean ("caffe").
 */
export const vgg16: Architecture["build"] = vgg16Architecture.build;

export const vgg19Architecture: Architecture = vgg(
  "vgg19",
  [2, 2, 4, 4, 4],
  ["cbe5617147190e668d6c5d5026f83318", "253f8cb515780f3b799900260a226db6"],
);

/**
 * VGG19: 16 convolutions and 3 dense layers, 143,667,240 parameters (Simonyan and Zisserman 2015, table 1, E).
 * Images [batch, 224, 224, 3], BGR without ImageNet's mean ("caffe").
 */
export const vgg19: Architecture["build"] = vgg19Architecture.build;
