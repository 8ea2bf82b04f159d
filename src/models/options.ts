/**
 * @file What is asked of pictures and of their classes, each option declared once. Imports `base` alone, because the help of the
 * command line is made from it before the library is loaded.
 */
import { count, oneOf } from "../base/kinds.ts";
import { optional, required } from "../base/options.ts";

/** The name of every mode of `preprocess`. */
export const preprocessModes = ["caffe", "tf", "torch", "unit", "raw", "raw-bgr"] as const;
/**
 * What becomes of samples of 0 to 255. caffe: blue, green, red, less their means in ImageNet (VGG, ResNet). tf: -1 to 1 (MobileNet,
 * Inception). torch: 0 to 1, standardised by ImageNet's means and deviations (DenseNet). unit: 0 to 1. raw: as they are.
 * raw-bgr: as they are, blue first.
 */
export type PreprocessMode = (typeof preprocessModes)[number];

/** The name of every way to resize a picture. */
export const interpolations = ["nearest", "box", "bilinear", "bicubic"] as const;
/** How pixels between pixels are found; the default is "nearest", as in Keras' load_img. */
export type Interpolation = (typeof interpolations)[number];

/** How a picture becomes the input of a network. */
export const pictureSpec = {
  mode: required(oneOf(preprocessModes), `How pixels become input: ${preprocessModes.join(", ")}.`),
  interpolation: optional(
    oneOf(interpolations),
    "nearest",
    `How the picture is brought to the network's size: ${interpolations.join(", ")}.`,
  ),
};

/** How many predictions are listed. */
export const top = optional(
  count,
  5,
  "Number of classes that are listed; never more than there are.",
);
