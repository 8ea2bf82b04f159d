/** @file The convolution of each channel of images for itself. */
import type { ConvGeometry } from "../../ir/conv.ts";
import type { Shape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import * as ops from "../../ops/index.ts";
import { childKey } from "../at-once.ts";
import type { Initializer, InitializerName } from "../initializers.ts";
import { type Setting, checkCount } from "../layer.ts";
import {
  type AlgorithmOption,
  ConvLayer,
  type ConvLayerOptions,
  algorithmOf,
} from "./conv-layer.ts";

/** Options of `depthwiseConv2d`, with Keras' names and defaults. */
export interface DepthwiseConv2dOptions extends ConvLayerOptions, AlgorithmOption {
  /** Number of output channels for each input channel: 1 unless given. */
  readonly depthMultiplier?: number;
  /** `glorotUniform` unless given. */
  readonly depthwiseInitializer?: InitializerName | Initializer;
}

/** activation(x * kernel + bias), where output channel c m + j is channel c alone, convolved with its j-th of m kernels. */
export class DepthwiseConv2d extends ConvLayer {
  /** [kernel rows, kernel columns, channels, depthMultiplier] */
  kernel!: Tensor;
  /** [channels * depthMultiplier]; undefined without bias. */
  bias: Tensor | undefined;
  readonly depthMultiplier: number;
  readonly algorithm: ConvGeometry["algorithm"];
  readonly depthwiseInitializer: Initializer;

  constructor(options: DepthwiseConv2dOptions) {
    super("depthwiseConv2d", options, ["depthMultiplier", "depthwiseInitializer", "algorithm"]);
    checkCount(`${this.label}: depthMultiplier`, options.depthMultiplier ?? 1);
    this.depthMultiplier = options.depthMultiplier ?? 1;
    this.algorithm = algorithmOf(this.label, options.algorithm);
    this.depthwiseInitializer = this.initializer(
      "depthwiseInitializer",
      options.depthwiseInitializer,
      "glorotUniform",
    );
    if (options.inputShape !== undefined) this.grow(options.inputShape);
  }

  get kind(): string {
    return "depthwiseConv2d";
  }

  protected make(inputShape: Shape, setting: Setting): Shape {
    const image = this.image(inputShape);
    const counts = this.counts(image);
    const shape = [...this.kernelSize, image[2], this.depthMultiplier];
    this.kernel = this.depthwiseInitializer(childKey(setting.key, 0), shape, setting.dtype);
    this.makeBias(image[2] * this.depthMultiplier, 1, setting);
    return [...counts, image[2] * this.depthMultiplier];
  }

  /** x [batch, rows, columns, channels] -> [batch, rows', columns', channels * depthMultiplier]. ShapeError and DTypeError name the layer. */
  forward(x: Tensor): Tensor {
    this.requireGrown();
    const { kernel, strides, padding, algorithm } = this;
    const images = this.images(x, kernel.shape[2]!, kernel);
    this.counts([x.shape[1]!, x.shape[2]!]);
    return this.finish(
      ops.depthwiseConv2d(images, kernel, {
        strides,
        padding,
        dilation: this.dilationRate,
        algorithm,
      }),
    );
  }
}

/**
 * A convolution of each channel for itself: `depthwiseConv2d({ kernelSize: 3, padding: "same" })`.
 * Throws ArgumentError for options it does not know or cannot use, ShapeError if no kernel fits the images.
 */
export function depthwiseConv2d(options: DepthwiseConv2dOptions): DepthwiseConv2d {
  return new DepthwiseConv2d(options);
}
