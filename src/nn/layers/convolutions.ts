/** @file Convolutions of images: plain, of each channel on its own, separable, and transposed. Images are [batch, rows, columns, channels]. */
import { ArgumentError, ShapeError, complaint } from "../../base/errors.ts";
import { count, flag, oneOf } from "../../base/kinds.ts";
import { type SettingsOf, optional, required } from "../../base/options.ts";
import type { Pair } from "../../ir/conv.ts";
import type { Tensor } from "../../ir/tensor.ts";
import * as ops from "../../ops/index.ts";
import { type Activation, activated } from "../activations.ts";
import { type OptionsFor, factory, layer, weight } from "../declare.ts";
import { activation, channelsLast, initializer, padding, pair } from "../kinds.ts";
import { imageShape, requireDType, requireImages, windowsIn } from "./checks.ts";

const kernelOptions = {
  kernelSize: required(pair(1), "Rows and columns of the kernel."),
  strides: optional(pair(1), 1, "May exceed 1 only where dilationRate does not."),
  padding: optional(padding, "valid", "What surrounds the images."),
  dataFormat: optional(channelsLast, "channelsLast", "The order of axes: no other one."),
  dilationRate: optional(pair(1), 1, "Distance between neighbouring elements of the kernel."),
  activation: optional(activation, "linear", "Applied after the bias."),
  useBias: optional(flag, true, "Whether there is a bias."),
  algorithm: optional(
    oneOf(["auto", "direct"]),
    "auto",
    "auto may transform: fewer products, a little more rounding.",
  ),
  biasInitializer: optional(initializer, "zeros", "Draws the bias."),
};
const filters = required(count, "Number of output channels.");
const kernelInitializer = optional(initializer, "glorotUniform", "Draws the kernel.");
const depthwiseInitializer = optional(initializer, "glorotUniform", "Draws the depthwise kernel.");
const depthMultiplier = optional(count, 1, "Number of kernels for each input channel.");

type KernelSettings = SettingsOf<typeof kernelOptions>;

function checkStrides({ strides, dilationRate }: KernelSettings, who: string): void {
  if (Math.max(...strides) > 1 && Math.max(...dilationRate) > 1)
    throw new ArgumentError(
      complaint(
        who,
        "strides of 1 with dilation, or dilation of 1 with strides",
        `strides [${strides.join(", ")}] and dilationRate [${dilationRate.join(", ")}]`,
      ),
    );
}

type Geometry = Pick<KernelSettings, "kernelSize" | "strides" | "padding" | "dilationRate"> & {
  readonly label: string;
};

/** How many kernels fit into an image. Throws ShapeError naming the layer if none does. */
function windowCounts(
  { label, kernelSize: window, strides, padding: around, dilationRate: dilation }: Geometry,
  image: readonly [number, number, ...number[]],
): [number, number] {
  return windowsIn(label, image, { window, strides, padding: around, dilation });
}

/** The input, if it is images of a number of channels and of the kernel's dtype. */
function imagesFor(label: string, x: Tensor, channels: number, kernel: Tensor): Tensor {
  const images = requireImages(label, x, channels);
  requireDType(label, images, kernel.dtype);
  return images;
}

/** The settings of a layer as operations take them. */
function formOf({ strides, padding: around, dilationRate: dilation, algorithm }: KernelSettings) {
  return { strides, padding: around, dilation, algorithm };
}

/** Bias and activation. */
function finished(
  of: {
    readonly label: string;
    readonly bias: Tensor | undefined;
    readonly activation: Activation;
  },
  y: Tensor,
): Tensor {
  return activated(of.label, of.activation, of.bias === undefined ? y : y.add(of.bias));
}

/** activation(x * kernel + bias), where * slides the kernel over the images without turning it round. */
export class Conv2d extends layer(
  "conv2d",
  {
    groups: optional(count, 1, "Parts of channels and filters that are convolved apart."),
    filters,
    ...kernelOptions,
    kernelInitializer,
  },
  {
    aliases: ["Convolution2D"],
    check(settings, who) {
      checkStrides(settings, who);
      if (settings.filters % settings.groups !== 0)
        throw new ArgumentError(
          complaint(
            `${who}: filters`,
            `a multiple of groups, ${settings.groups}`,
            String(settings.filters),
          ),
        );
    },
    parameters(of, shape) {
      const channels = imageShape(of.label, shape)[2];
      if (channels % of.groups !== 0)
        throw new ShapeError(
          complaint(
            `${of.label}: inputShape`,
            `a number of channels that groups, ${of.groups}, divides`,
            `${channels} channels`,
          ),
        );
      return {
        /** [kernel rows, kernel columns, channels / groups, filters] */
        kernel: weight([...of.kernelSize, channels / of.groups, of.filters], of.kernelInitializer),
        /** [filters]; undefined without bias. */
        bias: of.useBias ? weight([of.filters], of.biasInitializer) : undefined,
      };
    },
    outputShape: (of, shape) => [...windowCounts(of, imageShape(of.label, shape)), of.filters],
  },
) {
  /** x [batch, rows, columns, channels] -> [batch, rows', columns', filters]. Throws ShapeError and DTypeError naming the layer. */
  forward(x: Tensor): Tensor {
    this.requireGrown();
    const { kernel, groups } = this;
    const images = imagesFor(this.label, x, kernel.shape[2]! * groups, kernel);
    windowCounts(this, [x.shape[1]!, x.shape[2]!]);
    return finished(this, ops.conv2d(images, kernel, { ...formOf(this), groups }));
  }
}

/** Options of `conv2d`, with Keras' names and defaults. */
export type Conv2dOptions = OptionsFor<typeof Conv2d>;

/**
 * A convolution of images: `conv2d({ filters: 10, kernelSize: 5, activation: "relu", inputShape: [28, 28, 1] })`.
 * Extents shrink to floor((n - dilation (kernel - 1) - 1) / stride) + 1 with padding "valid", to ceil(n / stride) with
 * "same". Throws ArgumentError for options it does not know or cannot use, ShapeError if no kernel fits the images.
 */
export const conv2d = factory(Conv2d);

/** activation(x * kernel + bias), where output channel c m + j is channel c alone, convolved with its j-th of m kernels. */
export class DepthwiseConv2d extends layer(
  "depthwiseConv2d",
  { depthMultiplier, ...kernelOptions, depthwiseInitializer },
  {
    check: checkStrides,
    parameters(of, shape) {
      const channels = imageShape(of.label, shape)[2];
      const outputs = channels * of.depthMultiplier;
      return {
        /** [kernel rows, kernel columns, channels, depthMultiplier] */
        kernel: weight([...of.kernelSize, channels, of.depthMultiplier], of.depthwiseInitializer),
        /** [channels * depthMultiplier]; undefined without bias. */
        bias: of.useBias ? weight([outputs], of.biasInitializer) : undefined,
      };
    },
    outputShape(of, shape) {
      const image = imageShape(of.label, shape);
      return [...windowCounts(of, image), image[2] * of.depthMultiplier];
    },
  },
) {
  /** x [batch, rows, columns, channels] -> [batch, rows', columns', channels * depthMultiplier]. Throws ShapeError and DTypeError naming the layer. */
  forward(x: Tensor): Tensor {
    this.requireGrown();
    const { kernel } = this;
    const images = imagesFor(this.label, x, kernel.shape[2]!, kernel);
    windowCounts(this, [x.shape[1]!, x.shape[2]!]);
    return finished(this, ops.depthwiseConv2d(images, kernel, formOf(this)));
  }
}

/** Options of `depthwiseConv2d`, with Keras' names and defaults. */
export type DepthwiseConv2dOptions = OptionsFor<typeof DepthwiseConv2d>;

/**
 * A convolution of each channel on its own: `depthwiseConv2d({ kernelSize: 3, padding: "same" })`.
 * Throws ArgumentError for options it does not know or cannot use, ShapeError if no kernel fits the images.
 */
export const depthwiseConv2d = factory(DepthwiseConv2d);

/** activation((x * depthwiseKernel) * pointwiseKernel + bias): far fewer products than a full kernel (Chollet 2017). */
export class SeparableConv2d extends layer(
  "separableConv2d",
  {
    depthMultiplier,
    filters,
    ...kernelOptions,
    depthwiseInitializer,
    pointwiseInitializer: optional(initializer, "glorotUniform", "Draws the pointwise kernel."),
  },
  {
    aliases: ["SeparableConvolution2D"],
    check: checkStrides,
    parameters(of, shape) {
      const channels = imageShape(of.label, shape)[2];
      const between = channels * of.depthMultiplier;
      return {
        /** [kernel rows, kernel columns, channels, depthMultiplier] */
        depthwiseKernel: weight(
          [...of.kernelSize, channels, of.depthMultiplier],
          of.depthwiseInitializer,
        ),
        /** [1, 1, channels * depthMultiplier, filters] */
        pointwiseKernel: weight([1, 1, between, of.filters], of.pointwiseInitializer),
        /** [filters]; undefined without bias. */
        bias: of.useBias ? weight([of.filters], of.biasInitializer) : undefined,
      };
    },
    outputShape: (of, shape) => [...windowCounts(of, imageShape(of.label, shape)), of.filters],
  },
) {
  /** x [batch, rows, columns, channels] -> [batch, rows', columns', filters]. Throws ShapeError and DTypeError naming the layer. */
  forward(x: Tensor): Tensor {
    this.requireGrown();
    const { depthwiseKernel, algorithm } = this;
    const images = imagesFor(this.label, x, depthwiseKernel.shape[2]!, depthwiseKernel);
    windowCounts(this, [x.shape[1]!, x.shape[2]!]);
    const between = ops.depthwiseConv2d(images, depthwiseKernel, formOf(this));
    return finished(this, ops.conv2d(between, this.pointwiseKernel, { algorithm }));
  }
}

/** Options of `separableConv2d`, with Keras' names and defaults. */
export type SeparableConv2dOptions = OptionsFor<typeof SeparableConv2d>;

/**
 * A depthwise convolution, and then one of 1 x 1 pixels across channels; strides, padding and dilation are the first one's:
 * `separableConv2d({ filters: 64, kernelSize: 3 })`. Throws ArgumentError for options it does not know or cannot use,
 * ShapeError if no kernel fits the images.
 */
export const separableConv2d = factory(SeparableConv2d);

/** Extent of a transposed convolution's output along an axis, for one of n. */
function grownExtent(
  of: Omit<Geometry, "label"> & { readonly outputPadding: Pair | undefined },
  n: number,
  axis: 0 | 1,
): number {
  const stride = of.strides[axis];
  const reach = of.dilationRate[axis] * (of.kernelSize[axis] - 1) + 1;
  const extra = of.outputPadding?.[axis];
  if (of.padding === "valid")
    return (n - 1) * stride + reach + (extra ?? Math.max(0, stride - reach));
  if (of.padding === "same")
    return extra === undefined ? n * stride : (n - 1) * stride + (reach % 2) + extra;
  const [before, after] = of.padding[axis];
  return (n - 1) * stride + reach - before - after + (extra ?? 0);
}

/** activation(y + bias), where y is what the gradient of a convolution with this kernel makes of x (Zeiler et al. 2010). */
export class Conv2dTranspose extends layer(
  "conv2dTranspose",
  {
    outputPadding: optional(
      pair(0),
      undefined,
      "Added at the bottom and right; less than strides.",
    ),
    filters,
    ...kernelOptions,
    kernelInitializer,
  },
  {
    aliases: ["Convolution2DTranspose"],
    check(settings, who) {
      checkStrides(settings, who);
      const { outputPadding, strides } = settings;
      if (outputPadding?.some((extra, axis) => extra >= strides[axis]!))
        throw new ArgumentError(
          complaint(
            `${who}: outputPadding`,
            `less than strides, [${strides.join(", ")}]`,
            `[${outputPadding.join(", ")}]`,
          ),
        );
    },
    parameters(of, shape) {
      const channels = imageShape(of.label, shape)[2];
      return {
        /** [kernel rows, kernel columns, filters, channels] */
        kernel: weight([...of.kernelSize, of.filters, channels], of.kernelInitializer),
        /** [filters]; undefined without bias. */
        bias: of.useBias ? weight([of.filters], of.biasInitializer) : undefined,
      };
    },
    outputShape(of, shape) {
      const image = imageShape(of.label, shape);
      const [rows, columns] = [grownExtent(of, image[0], 0), grownExtent(of, image[1], 1)];
      if (rows < 1 || columns < 1)
        throw new ShapeError(
          complaint(of.label, "an output of at least 1 x 1", `${rows} x ${columns}`),
        );
      return [rows, columns, of.filters];
    },
  },
) {
  /** x [batch, rows, columns, channels] -> [batch, rows', columns', filters]. Throws ShapeError and DTypeError naming the layer. */
  forward(x: Tensor): Tensor {
    this.requireGrown();
    const { kernel, outputPadding } = this;
    const images = imagesFor(this.label, x, kernel.shape[3]!, kernel);
    return finished(
      this,
      ops.conv2dTranspose(images, kernel, {
        ...formOf(this),
        ...(outputPadding === undefined ? {} : { outputPadding }),
      }),
    );
  }
}

/** Options of `conv2dTranspose`, with Keras' names and defaults. */
export type Conv2dTransposeOptions = OptionsFor<typeof Conv2dTranspose>;

/**
 * A transposed convolution: `conv2dTranspose({ filters: 8, kernelSize: 3, strides: 2, padding: "same" })`. With a reach of
 * r = dilation (kernel - 1) + 1, an extent n grows to n stride with padding "same" and to (n - 1) stride + max(r, stride) with
 * "valid"; `outputPadding` p makes it (n - 1) stride + r mod 2 + p and (n - 1) stride + r + p. Padding in numbers is cut off
 * (n - 1) stride + r + p.
 * Throws ArgumentError for options it does not know or cannot use.
 */
export const conv2dTranspose = factory(Conv2dTranspose);
