/** @file The convolution of images. */
import * as ops from "../../ops/index.ts";
import type { ConvGeometry } from "../../ir/conv.ts";
import { ArgumentError, ShapeError, complaint } from "../../base/errors.ts";
import type { Shape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { childKey } from "../at-once.ts";
import type { Initializer, InitializerName } from "../initializers.ts";
import { type Setting, checkCount } from "../layer.ts";
import {
  type AlgorithmOption,
  ConvLayer,
  type ConvLayerOptions,
  algorithmOf,
} from "./conv-layer.ts";

/** Options of `conv2d`, with Keras' names and defaults. */
export interface Conv2dOptions extends ConvLayerOptions, AlgorithmOption {
  /** Number of output channels. */
  readonly filters: number;
  /** Parts into which channels and filters fall, each convolved for itself: 1 unless given. Divides both. */
  readonly groups?: number;
  /** `glorotUniform` unless given. */
  readonly kernelInitializer?: InitializerName | Initializer;
}

/** activation(x * kernel + bias), where * slides the kernel over the images without turning it round. */
export class Conv2d extends ConvLayer {
  /** [kernel rows, kernel columns, channels / groups, filters] */
  kernel!: Tensor;
  /** [filters]; undefined without bias. */
  bias: Tensor | undefined;
  readonly filters: number;
  readonly groups: number;
  readonly algorithm: ConvGeometry["algorithm"];
  readonly kernelInitializer: Initializer;

  constructor(options: Conv2dOptions) {
    super("conv2d", options, ["filters", "groups", "kernelInitializer", "algorithm"]);
    const who = this.label;
    checkCount(`${who}: filters`, options.filters);
    checkCount(`${who}: groups`, options.groups ?? 1);
    this.filters = options.filters;
    this.groups = options.groups ?? 1;
    if (this.filters % this.groups !== 0)
      throw new ArgumentError(
        complaint(`${who}: filters`, `a multiple of groups, ${this.groups}`, String(this.filters)),
      );
    this.algorithm = algorithmOf(who, options.algorithm);
    this.kernelInitializer = this.initializer(
      "kernelInitializer",
      options.kernelInitializer,
      "glorotUniform",
    );
    if (options.inputShape !== undefined) this.grow(options.inputShape);
  }

  get kind(): string {
    return "conv2d";
  }

  protected make(inputShape: Shape, setting: Setting): Shape {
    const image = this.image(inputShape);
    const channels = image[2];
    if (channels % this.groups !== 0)
      throw new ShapeError(
        complaint(
          `${this.label}: inputShape`,
          `a number of channels that groups, ${this.groups}, divides`,
          `${channels} channels`,
        ),
      );
    const counts = this.counts(image);
    const shape = [...this.kernelSize, channels / this.groups, this.filters];
    this.kernel = this.kernelInitializer(childKey(setting.key, 0), shape, setting.dtype);
    this.makeBias(this.filters, 1, setting);
    return [...counts, this.filters];
  }

  /** x [batch, rows, columns, channels] -> [batch, rows', columns', filters]. ShapeError and DTypeError name the layer. */
  forward(x: Tensor): Tensor {
    this.requireGrown();
    const { kernel, strides, padding, groups, algorithm } = this;
    const images = this.images(x, kernel.shape[2]! * groups, kernel);
    this.counts([x.shape[1]!, x.shape[2]!]);
    return this.finish(
      ops.conv2d(images, kernel, {
        strides,
        padding,
        dilation: this.dilationRate,
        groups,
        algorithm,
      }),
    );
  }
}

/**
 * A convolution of images: `conv2d({ filters: 10, kernelSize: 5, activation: "relu", inputShape: [28, 28, 1] })`.
 * Extents shrink to floor((n - dilation (kernel - 1) - 1) / stride) + 1 with padding "valid", to ceil(n / stride) with
 * "same". Throws ArgumentError for options it does not know or cannot use, ShapeError if no kernel fits the images.
 */
export function conv2d(options: Conv2dOptions): Conv2d {
  return new Conv2d(options);
}
