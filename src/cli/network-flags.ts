/** @file Flags that say which network is meant and what it takes: the same for all commands that run one. */
import { finitePositive, oneOf, text } from "../base/kinds.ts";
import { optional } from "../base/options.ts";
import type { Interpolation, PreprocessMode } from "../models/index.ts";
import { flag } from "./command.ts";

// Written out, so that help does not load the library; the types hold the lists to what the library takes.
export const preprocessing = [
  "caffe",
  "tf",
  "torch",
  "unit",
  "raw",
  "raw-bgr",
] as const satisfies readonly PreprocessMode[];
export const resizing = [
  "nearest",
  "box",
  "bilinear",
  "bicubic",
] as const satisfies readonly Interpolation[];

/** Where a network's weights come from, and how wide it is. */
export const networkFlags = {
  weights: flag(
    "--weights <file>",
    optional(
      text,
      undefined,
      "file with weights, of any format (default: those in the model file; for a name, those that Keras publishes)",
    ),
  ),
  alpha: flag(
    "--alpha <factor>",
    optional(finitePositive, undefined, "width of mobilenet and mobilenetV2 (default: 1)"),
  ),
};

/** What a network is given, and what its classes are called. */
export const pictureFlags = {
  model: flag(
    "-m, --model <name>",
    optional(text, undefined, "name of a network (adjoint models lists them) or a model file"),
  ),
  ...networkFlags,
  preprocess: flag(
    "--preprocess <how>",
    optional(
      oneOf(preprocessing),
      undefined,
      `how pixels become input: ${preprocessing.join(", ")} (default: as the network expects, if that is known, otherwise raw)`,
    ),
  ),
  resize: flag(
    "--resize <how>",
    optional(
      oneOf(resizing),
      "nearest",
      `how the picture is brought to the network's size: ${resizing.join(", ")}`,
    ),
  ),
  classes: flag(
    "--classes <file>",
    optional(
      text,
      undefined,
      "JSON with the names of the classes (default: ImageNet's, if there are 1000)",
    ),
  ),
};
