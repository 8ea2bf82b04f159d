/** @file Flags that say which network is meant and what it takes: the same for all commands that run one. */
import { finitePositive, text } from "../base/kinds.ts";
import { optional } from "../base/options.ts";
import { pictureSpec } from "../models/options.ts";
import { flag, open } from "./command.ts";

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
    open(pictureSpec.mode, "as the network expects, if that is known, otherwise raw"),
  ),
  resize: flag("--resize <how>", pictureSpec.interpolation),
  classes: flag(
    "--classes <file>",
    optional(
      text,
      undefined,
      "JSON with the names of the classes (default: ImageNet's, if there are 1000)",
    ),
  ),
};
