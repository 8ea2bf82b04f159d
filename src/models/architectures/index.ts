/** @file Every architecture. An architecture is one file here and one line in the registry. */
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import { nearNames } from "../../base/near-names.ts";
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

/**
 * The architecture of a name; case, hyphens and underscores do not matter. Throws ArgumentError listing the names most like it.
 */
export function architectureOf(name: string): Architecture {
  const plain = (text: string): string => text.replaceAll(/[-_]/g, "").toLowerCase();
  const found = architectures.find((known) => plain(known.name) === plain(String(name)));
  if (found !== undefined) return found;
  const names = architectures.map((known) => known.name);
  throw new ArgumentError(
    complaint(
      "architecture",
      `one of ${names.join(", ")}`,
      describe(name),
      `Most like it: ${nearNames(String(name), names).join(", ")}.`,
    ),
  );
}

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
