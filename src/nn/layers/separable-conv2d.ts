/** @file A convolution of each channel for itself, and then one across channels. */
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

/** Options of `separableConv2d`, with Keras' names and defaults. */
export interface SeparableConv2dOptions extends ConvLayerOptions, AlgorithmOption {
  /** Number of output channels. */
  readonly filters: number;
  /** Number of channels between both convolutions for each input channel: 1 unless given. */
  readonly depthMultiplier?: number;
  /** `glorotUniform` unless given. */
  readonly depthwiseInitializer?: InitializerName | Initializer;
  /** `glorotUniform` unless given. */
  readonly pointwiseInitializer?: InitializerName | Initializer;
}

/** activation((x * depthwiseKernel) * pointwiseKernel + bias): far fewer products than a full kernel (Chollet 2017). */
export class SeparableConv2d extends ConvLayer {
  /** [kernel rows, kernel columns, channels, depthMultiplier] */
  depthwiseKernel!: Tensor;
  /** [1, 1, channels * depthMultiplier, filters] */
  pointwiseKernel!: Tensor;
  /** [filters]; undefined without bias. */
  bias: Tensor | undefined;
  readonly filters: number;
  readonly depthMultiplier: number;
  readonly algorithm: ConvGeometry["algorithm"];
  readonly depthwiseInitializer: Initializer;
  readonly pointwiseInitializer: Initializer;

  constructor(options: SeparableConv2dOptions) {
    super("separableConv2d", options, [
      "filters",
      "depthMultiplier",
      "depthwiseInitializer",
      "pointwiseInitializer",
      "algorithm",
    ]);
    checkCount(`${this.label}: filters`, options.filters);
    checkCount(`${this.label}: depthMultiplier`, options.depthMultiplier ?? 1);
    this.filters = options.filters;
    this.depthMultiplier = options.depthMultiplier ?? 1;
    this.algorithm = algorithmOf(this.label, options.algorithm);
    this.depthwiseInitializer = this.initializer(
      "depthwiseInitializer",
      options.depthwiseInitializer,
      "glorotUniform",
    );
    this.pointwiseInitializer = this.initializer(
      "pointwiseInitializer",
      options.pointwiseInitializer,
      "glorotUniform",
    );
    if (options.inputShape !== undefined) this.grow(options.inputShape);
  }

  get kind(): string {
    return "separableConv2d";
  }

  protected make(inputShape: Shape, setting: Setting): Shape {
    const image = this.image(inputShape);
    const counts = this.counts(image);
    const { key, dtype } = setting;
    const between = image[2] * this.depthMultiplier;
    this.depthwiseKernel = this.depthwiseInitializer(
      childKey(key, 0),
      [...this.kernelSize, image[2], this.depthMultiplier],
      dtype,
    );
    this.pointwiseKernel = this.pointwiseInitializer(
      childKey(key, 1),
      [1, 1, between, this.filters],
      dtype,
    );
    this.makeBias(this.filters, 2, setting);
    return [...counts, this.filters];
  }

  /** x [batch, rows, columns, channels] -> [batch, rows', columns', filters]. ShapeError and DTypeError name the layer. */
  forward(x: Tensor): Tensor {
    this.requireGrown();
    const { depthwiseKernel, strides, padding, algorithm } = this;
    const images = this.images(x, depthwiseKernel.shape[2]!, depthwiseKernel);
    this.counts([x.shape[1]!, x.shape[2]!]);
    const between = ops.depthwiseConv2d(images, depthwiseKernel, {
      strides,
      padding,
      dilation: this.dilationRate,
      algorithm,
    });
    return this.finish(ops.conv2d(between, this.pointwiseKernel, { algorithm }));
  }
}

/**
 * A depthwise convolution, and then one of 1 x 1 pixels across channels; strides, padding and dilation are the first one's:
 * `separableConv2d({ filters: 64, kernelSize: 3 })`. Throws ArgumentError for options it does not know or cannot use,
 * ShapeError if no kernel fits the images.
 */
export function separableConv2d(options: SeparableConv2dOptions): SeparableConv2d {
  return new SeparableConv2d(options);
}
