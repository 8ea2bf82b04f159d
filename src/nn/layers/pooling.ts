/** @file Pooling of images: each window, or a whole image, becomes one pixel. Images are [batch, rows, columns, channels]. */
import { ArgumentError, complaint } from "../../base/errors.ts";
import { flag } from "../../base/kinds.ts";
import { type SettingsOf, optional, sameAs } from "../../base/options.ts";
import type { Shape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import * as ops from "../../ops/index.ts";
import { type OptionsFor, factory, layer } from "../declare.ts";
import { channelsLast, padding, pair } from "../kinds.ts";
import type { Layer } from "../layer.ts";
import { imageShape, requireImages, windowsIn } from "./checks.ts";

const dataFormat = optional(channelsLast, "channelsLast", "The order of axes: no other one.");

const windowOptions = {
  poolSize: optional(pair(1), 2, "Rows and columns of a window."),
  strides: sameAs(pair(1), "poolSize", "Distance between windows."),
  padding: optional(padding, "valid", "What surrounds the images."),
  dataFormat,
};
type Windows = Pick<SettingsOf<typeof windowOptions>, "poolSize" | "strides" | "padding">;

/** Rows and columns of an image after pooling. Throws ShapeError naming the layer if no window fits. */
function windowCounts(
  label: string,
  { poolSize: window, strides, padding: around }: Windows,
  image: readonly [number, number, ...number[]],
): [number, number] {
  return windowsIn(label, image, { window, strides, padding: around });
}

const windowed = {
  check({ poolSize, padding: around }: SettingsOf<typeof windowOptions>, who: string): void {
    const isCovered =
      typeof around === "string" ||
      around.every((sides, axis) => Math.max(...sides) < poolSize[axis]!);
    if (isCovered) return;
    throw new ArgumentError(
      complaint(
        `${who}: padding`,
        `less than the window, [${poolSize.join(", ")}]`,
        JSON.stringify(around),
      ),
    );
  },
  outputShape(of: Windows & { readonly label: string }, shape: Shape): Shape {
    const image = imageShape(of.label, shape);
    return [...windowCounts(of.label, of, image), image[2]];
  },
};

/** The images that a layer pools. Throws ShapeError naming the layer for other tensors, and for images smaller than a window. */
function windowedImages(of: Layer & Windows, x: Tensor): Tensor {
  const [, rows, columns] = requireImages(of.label, x, of.inputShape?.[2]).shape;
  windowCounts(of.label, of, [rows!, columns!]);
  return x;
}

/** The largest element of each window, channel by channel. Padding never wins. */
export class MaxPool2d extends layer("maxPool2d", windowOptions, {
  className: "MaxPooling2D",
  aliases: ["MaxPool2D"],
  ...windowed,
}) {
  /** x [batch, rows, columns, channels] -> [batch, rows', columns', channels]. Throws ShapeError naming the layer. */
  forward(x: Tensor): Tensor {
    const { poolSize, strides, padding: around } = this;
    return ops.maxPool2d(windowedImages(this, x), { poolSize, strides, padding: around });
  }
}

/** Options of layers that pool windows, with Keras' names and defaults. */
export type PoolOptions = OptionsFor<typeof MaxPool2d>;

/**
 * Each window of images to its largest element: `maxPool2d({ poolSize: 3, strides: 2 })`, 2 x 2 windows side by side unless given.
 * Throws ArgumentError for options it does not know or cannot use, ShapeError if no window fits the images.
 */
export const maxPool2d = factory(MaxPool2d);

/** The mean of each window, channel by channel, over the pixels of it that lie on the image. */
export class AveragePool2d extends layer("averagePool2d", windowOptions, {
  className: "AveragePooling2D",
  aliases: ["AvgPool2D"],
  ...windowed,
}) {
  /** x [batch, rows, columns, channels] -> [batch, rows', columns', channels]. Throws ShapeError naming the layer. */
  forward(x: Tensor): Tensor {
    const { poolSize, strides, padding: around } = this;
    return ops.averagePool2d(windowedImages(this, x), { poolSize, strides, padding: around });
  }
}

/**
 * Each window of images to its mean: `averagePool2d({ poolSize: 2 })`, 2 x 2 windows side by side unless given.
 * Throws ArgumentError for options it does not know or cannot use, ShapeError if no window fits the images.
 */
export const averagePool2d = factory(AveragePool2d);

const globalOptions = {
  keepDims: optional(flag, false, "Whether rows and columns stay as axes of extent 1."),
  dataFormat,
};

function onePixel(of: { readonly label: string; readonly keepDims: boolean }, shape: Shape): Shape {
  const channels = imageShape(of.label, shape)[2];
  return of.keepDims ? [1, 1, channels] : [channels];
}

/** The mean of each channel over all rows and columns. */
export class GlobalAveragePool2d extends layer("globalAveragePool2d", globalOptions, {
  className: "GlobalAveragePooling2D",
  aliases: ["GlobalAvgPool2D"],
  outputShape: onePixel,
}) {
  /** x [batch, rows, columns, channels] -> [batch, channels], or [batch, 1, 1, channels] with keepDims. Throws ShapeError naming the layer. */
  forward(x: Tensor): Tensor {
    return requireImages(this.label, x, this.inputShape?.[2]).mean([1, 2], this.keepDims);
  }
}

/** Options of layers that pool whole images, with Keras' names and defaults. */
export type GlobalPoolOptions = OptionsFor<typeof GlobalAveragePool2d>;

/** Each channel of images to its mean: `globalAveragePool2d()`. Throws ArgumentError for options it does not know or cannot use. */
export const globalAveragePool2d = factory(GlobalAveragePool2d);

/** The largest element of each channel over all rows and columns. */
export class GlobalMaxPool2d extends layer("globalMaxPool2d", globalOptions, {
  className: "GlobalMaxPooling2D",
  aliases: ["GlobalMaxPool2D"],
  outputShape: onePixel,
}) {
  /** x [batch, rows, columns, channels] -> [batch, channels], or [batch, 1, 1, channels] with keepDims. Throws ShapeError naming the layer. */
  forward(x: Tensor): Tensor {
    return requireImages(this.label, x, this.inputShape?.[2]).max([1, 2], this.keepDims);
  }
}

/** Each channel of images to its largest element: `globalMaxPool2d()`. Throws ArgumentError for options it does not know or cannot use. */
export const globalMaxPool2d = factory(GlobalMaxPool2d);
