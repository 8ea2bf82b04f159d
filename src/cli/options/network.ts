// Options that say which network is meant and what it takes: the same for all commands that run one.
import type { Interpolation, PreprocessMode } from "../../models/index.ts";
import { type Option, option } from "../command.ts";
import * as values from "../values.ts";

/** Ways of scaling pixels; written out, so that help does not load the library. */
export const preprocessing: readonly PreprocessMode[] = [
  "caffe",
  "tf",
  "torch",
  "unit",
  "raw",
  "raw-bgr",
];

/** Ways of resizing. */
export const resizing: readonly Interpolation[] = ["nearest", "box", "bilinear", "bicubic"];

type NetworkOptions = {
  readonly weights: Option<string | undefined>;
  readonly alpha: Option<number | undefined>;
};

type PictureOptions = NetworkOptions & {
  readonly input: Option<string | undefined>;
  readonly model: Option<string | undefined>;
  readonly preprocess: Option<PreprocessMode | undefined>;
  readonly resize: Option<Interpolation>;
  readonly classes: Option<string | undefined>;
};

/** Where a network's weights come from, and how wide it is. */
export const networkOptions: NetworkOptions = {
  weights: option(
    "--weights <file>",
    "file with weights, of any format (default: those of the model file, or for a name those that Keras publishes)",
    values.optional(values.path),
    undefined,
  ),
  alpha: option(
    "--alpha <factor>",
    "width of mobilenet and mobilenetV2 (default: 1)",
    values.optional(values.positive),
    undefined,
  ),
};

/** What is given to a network, and what its classes are called. */
export const pictureOptions: PictureOptions = {
  input: option(
    "-i, --input <picture>",
    "PNG or JPEG file",
    values.optional(values.path),
    undefined,
  ),
  model: option(
    "-m, --model <name>",
    "name of a network (adjoint models lists them) or a model file",
    values.optional(values.path),
    undefined,
  ),
  ...networkOptions,
  preprocess: option(
    "--preprocess <how>",
    `how pixels become input: ${preprocessing.join(", ")} (default: as the network wants it, if that is known, else raw)`,
    values.optional(values.oneOf(preprocessing)),
    undefined,
  ),
  resize: option(
    "--resize <how>",
    `how the picture gets the network's size: ${resizing.join(", ")}`,
    values.oneOf(resizing),
    "nearest" as Interpolation,
    "nearest",
  ),
  classes: option(
    "--classes <file>",
    "JSON with the names of the classes (default: ImageNet's, if there are 1000)",
    values.optional(values.path),
    undefined,
  ),
};
