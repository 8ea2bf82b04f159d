/** @file VGG16: the VGG network of 16 layers with weights. */
import type { Architecture } from "./architecture.ts";
import { vgg } from "./vgg.ts";

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
