/** @file Every architecture. An architecture is one file here and one line in the registry. */
import type { Architecture } from "./architecture.ts";
import { densenet121Architecture } from "./densenet121.ts";
import { efficientnetB0Architecture } from "./efficientnet-b0.ts";
import { inceptionV3Architecture } from "./inception-v3.ts";
import { mobilenetV2Architecture } from "./mobilenet-v2.ts";
import { mobilenetArchitecture } from "./mobilenet.ts";
import { resnet50Architecture } from "./resnet50.ts";
import { squeezenetArchitecture } from "./squeezenet.ts";
import { vgg16Architecture } from "./vgg16.ts";
import { vgg19Architecture } from "./vgg19.ts";

export type { Architecture, Build } from "./architecture.ts";
export type { ArchitectureOptions, Network, WidthOptions } from "./definition.ts";
export { densenet121 } from "./densenet121.ts";
export { efficientnetB0 } from "./efficientnet-b0.ts";
export type { EfficientNetOptions } from "./efficientnet-b0.ts";
export { inceptionV3 } from "./inception-v3.ts";
export { mobilenetV2 } from "./mobilenet-v2.ts";
export { mobilenet } from "./mobilenet.ts";
export { resnet50 } from "./resnet50.ts";
export { squeezenet } from "./squeezenet.ts";
export { vgg16 } from "./vgg16.ts";
export { vgg19 } from "./vgg19.ts";

/** Every network that has a name. */
export const architectures: readonly Architecture[] = [
  densenet121Architecture,
  efficientnetB0Architecture,
  inceptionV3Architecture,
  mobilenetArchitecture,
  mobilenetV2Architecture,
  resnet50Architecture,
  squeezenetArchitecture,
  vgg16Architecture,
  vgg19Architecture,
];
