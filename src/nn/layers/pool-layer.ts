/** @file What layers that pool windows of images have in common. */
import type { Pair } from "../../ir/conv.ts";
import { ArgumentError, complaint } from "../../base/errors.ts";
import type { Shape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { Layer, type LayerOptions, checkOptions } from "../layer.ts";
import {
  type ImageOptions,
  type PaddingOption,
  type PairOption,
  checkDataFormat,
  imageShape,
  paddingOf,
  pairOf,
  requireImages,
  windowsIn,
} from "./image.ts";
import { checkFlag } from "./input.ts";

/** Options of layers that pool windows, with Keras' names and defaults. */
export interface PoolOptions extends LayerOptions, ImageOptions {
  /** Rows and columns of a window: 2 unless given. */
  readonly poolSize?: PairOption;
  /** As `poolSize` unless given. */
  readonly strides?: PairOption;
  /** `valid` unless given. */
  readonly padding?: PaddingOption;
}

/** Base of layers that make one pixel of every window. */
export abstract class PoolLayer extends Layer {
  readonly poolSize: Pair;
  readonly strides: Pair;
  readonly padding: PaddingOption;

  constructor(kind: string, options: PoolOptions) {
    checkOptions(kind, options, ["poolSize", "strides", "padding", "dataFormat"]);
    super(options);
    checkDataFormat(this.label, options.dataFormat);
    this.poolSize = pairOf(`${this.label}: poolSize`, options.poolSize ?? 2, 1);
    this.strides = pairOf(`${this.label}: strides`, options.strides ?? this.poolSize, 1);
    this.padding = paddingOf(this.label, options.padding ?? "valid");
    this.requireCover();
    if (options.inputShape !== undefined) this.grow(options.inputShape);
  }

  /** Throws ArgumentError where a window might cover no pixel. */
  private requireCover(): void {
    const { padding, poolSize } = this;
    if (
      typeof padding === "string" ||
      padding.every((pair, axis) => Math.max(...pair) < poolSize[axis]!)
    )
      return;
    throw new ArgumentError(
      complaint(
        `${this.label}: padding`,
        `less than the window, [${poolSize.join(", ")}]`,
        JSON.stringify(padding),
      ),
    );
  }

  protected make(inputShape: Shape): Shape {
    const image = imageShape(this.label, inputShape);
    return [...this.counts(image), image[2]];
  }

  private counts(image: readonly [number, number, ...number[]]): [number, number] {
    const { poolSize: window, strides, padding } = this;
    return windowsIn(this.label, image, { window, strides, padding });
  }

  /** x [batch, rows, columns, channels] -> [batch, rows', columns', channels]. ShapeError names the layer. */
  forward(x: Tensor): Tensor {
    const [, rows, columns] = requireImages(this.label, x, this.inputShape?.[2]).shape;
    this.counts([rows!, columns!]);
    const { poolSize, strides, padding } = this;
    return this.pool(x, { poolSize, strides, padding });
  }

  /** The operation itself. */
  protected abstract pool(
    x: Tensor,
    windows: {
      readonly poolSize: Pair;
      readonly strides: Pair;
      readonly padding: PaddingOption;
    },
  ): Tensor;
}

/** Options of layers that pool whole images, with Keras' names and defaults. */
export interface GlobalPoolOptions extends LayerOptions, ImageOptions {
  /** Whether rows and columns stay as axes of extent 1: false unless given. */
  readonly keepDims?: boolean;
}

/** Base of layers that make one pixel of every image. */
export abstract class GlobalPoolLayer extends Layer {
  readonly keepDims: boolean;

  constructor(kind: string, options: GlobalPoolOptions) {
    checkOptions(kind, options, ["keepDims", "dataFormat"]);
    super(options);
    checkDataFormat(this.label, options.dataFormat);
    checkFlag(`${this.label}: keepDims`, options.keepDims);
    this.keepDims = options.keepDims ?? false;
    if (options.inputShape !== undefined) this.grow(options.inputShape);
  }

  protected make(inputShape: Shape): Shape {
    const [, , channels] = imageShape(this.label, inputShape);
    return this.keepDims ? [1, 1, channels] : [channels];
  }

  /** The input, if it is images. */
  protected images(x: Tensor): Tensor {
    return requireImages(this.label, x, this.inputShape?.[2]);
  }
}
