/** @file The transposed convolution, which makes images larger. */
import * as ops from "../../ops/index.ts";
import type { ConvGeometry, Pair } from "../../ir/conv.ts";
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
import { type PairOption, pairOf } from "./image.ts";

/** Options of `conv2dTranspose`, with Keras' names and defaults. */
export interface Conv2dTransposeOptions extends ConvLayerOptions, AlgorithmOption {
  /** Number of output channels. */
  readonly filters: number;
  /** Rows and columns to add at the bottom and the right, fewer than strides; without it extents are as said below. */
  readonly outputPadding?: PairOption;
  /** `glorotUniform` unless given. */
  readonly kernelInitializer?: InitializerName | Initializer;
}

/** activation(y + bias), where y is what the gradient of a convolution with this kernel makes of x. */
export class Conv2dTranspose extends ConvLayer {
  /** [kernel rows, kernel columns, filters, channels] */
  kernel!: Tensor;
  /** [filters]; undefined without bias. */
  bias: Tensor | undefined;
  readonly filters: number;
  readonly outputPadding: Pair | undefined;
  readonly algorithm: ConvGeometry["algorithm"];
  readonly kernelInitializer: Initializer;

  constructor(options: Conv2dTransposeOptions) {
    super("conv2dTranspose", options, [
      "filters",
      "outputPadding",
      "kernelInitializer",
      "algorithm",
    ]);
    const who = this.label;
    checkCount(`${who}: filters`, options.filters);
    this.filters = options.filters;
    this.outputPadding =
      options.outputPadding === undefined
        ? undefined
        : pairOf(`${who}: outputPadding`, options.outputPadding, 0);
    if (this.outputPadding?.some((extra, axis) => extra >= this.strides[axis]!))
      throw new ArgumentError(
        complaint(
          `${who}: outputPadding`,
          `less than strides, [${this.strides.join(", ")}]`,
          `[${this.outputPadding.join(", ")}]`,
        ),
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
    return "conv2dTranspose";
  }

  protected make(inputShape: Shape, setting: Setting): Shape {
    const image = this.image(inputShape);
    const rows = this.extent(image[0], 0);
    const columns = this.extent(image[1], 1);
    if (rows < 1 || columns < 1)
      throw new ShapeError(
        complaint(this.label, "an output of at least 1 x 1", `${rows} x ${columns}`),
      );
    const shape = [...this.kernelSize, this.filters, image[2]];
    this.kernel = this.kernelInitializer(childKey(setting.key, 0), shape, setting.dtype);
    this.makeBias(this.filters, 1, setting);
    return [rows, columns, this.filters];
  }

  /** Extent of the output on an axis. */
  private extent(n: number, axis: 0 | 1): number {
    const stride = this.strides[axis];
    const reach = this.dilationRate[axis] * (this.kernelSize[axis] - 1) + 1;
    const extra = this.outputPadding?.[axis];
    if (this.padding === "valid")
      return (n - 1) * stride + reach + (extra ?? Math.max(0, stride - reach));
    if (this.padding === "same")
      return extra === undefined ? n * stride : (n - 1) * stride + (reach % 2) + extra;
    const [before, after] = this.padding[axis];
    return (n - 1) * stride + reach - before - after + (extra ?? 0);
  }

  /** x [batch, rows, columns, channels] -> [batch, rows', columns', filters]. ShapeError and DTypeError name the layer. */
  forward(x: Tensor): Tensor {
    this.requireGrown();
    const { kernel, strides, padding, outputPadding, algorithm } = this;
    const images = this.images(x, kernel.shape[3]!, kernel);
    return this.finish(
      ops.conv2dTranspose(images, kernel, {
        strides,
        padding,
        dilation: this.dilationRate,
        algorithm,
        ...(outputPadding === undefined ? {} : { outputPadding }),
      }),
    );
  }
}

/**
 * A transposed convolution: `conv2dTranspose({ filters: 8, kernelSize: 3, strides: 2, padding: "same" })`. With a reach of
 * r = dilation (kernel - 1) + 1, an extent n grows to n stride with padding "same" and to (n - 1) stride + max(r, stride) with
 * "valid"; `outputPadding` p makes it (n - 1) stride + r mod 2 + p and (n - 1) stride + r + p. Padding in numbers is cut off
 * (n - 1) stride + r + p.
 * Throws ArgumentError for options it does not know or cannot use.
 */
export function conv2dTranspose(options: Conv2dTransposeOptions): Conv2dTranspose {
  return new Conv2dTranspose(options);
}
