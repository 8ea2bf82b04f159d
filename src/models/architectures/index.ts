/** @file Every architecture. An architecture is one file here and one line in the registry. */
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import { nearNames } from "../../base/near-names.ts";
import type { Architecture } from "./architecture.ts";
import { densenet121Architecture } from "./densenet.ts";
import {
  efficientnetB0Architecture,
  mobilenetV2Architecture,
  mobilenetArchitecture,
} from "./mobilenets.ts";
import { inceptionV3Architecture } from "./inception.ts";
import { resnet50Architecture } from "./resnet.ts";
import { squeezenetArchitecture } from "./squeezenet.ts";
import { vgg16Architecture, vgg19Architecture } from "./vgg.ts";

export type { Architecture, Build } from "./architecture.ts";
export type { ArchitectureOptions, Network, WidthOptions } from "./architecture.ts";
export { densenet121 } from "./densenet.ts";
export { efficientnetB0 } from "./mobilenets.ts";
export type { EfficientNetOptions } from "./mobilenets.ts";
export { inceptionV3 } from "./inception.ts";
export { mobilenetV2 } from "./mobilenets.ts";
export { mobilenet } from "./mobilenets.ts";
export { resnet50 } from "./resnet.ts";
export { squeezenet } from "./squeezenet.ts";
export { vgg16 } from "./vgg.ts";
export { vgg19 } from "./vgg.ts";

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
