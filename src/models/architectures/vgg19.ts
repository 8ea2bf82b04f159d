/** @file VGG19: the VGG network of 19 layers with weights. */
import type { Architecture } from "./architecture.ts";
import { vgg } from "./vgg.ts";

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
