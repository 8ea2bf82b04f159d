/** @file Images, channels last, with Keras' semantics: where windows lie, convolutions (ordinary, in groups, depthwise, transposed) and pooling. */
import { type Pair, type ConvGeometry, windowCount, type PoolGeometry } from "../ir/conv.ts";
import { ArgumentError, ShapeError, complaint, describe } from "../base/errors.ts";
import { formatShape } from "../ir/shape.ts";
import type { Tensor } from "../ir/tensor.ts";
import { requireTensor } from "./bind.ts";
import { checkOptions } from "../base/options.ts";
import { convInput } from "./prims/products.ts";
import { applyConv, requireImages, requireWindowCounts } from "./prims/conv-types.ts";
import { floats, requireDType, requireSameDType } from "./infer.ts";
import { repeat, reshape, slice } from "./shaping.ts";
import { composite } from "./composite.ts";
import { full, iota } from "./creation.ts";
import { add, div, maximum, minimum, mul, sub } from "./elementwise.ts";
import { applyPool, requireCover } from "./prims/pool.ts";
import { mean } from "./reductions.ts";

/** One number for rows and columns, or one for each. */
export type PairLike = number | Pair;

/**
 * Zeros around an image: "valid" for none; "same" for as many as it takes that ceil(extent / stride) windows fit, the odd one at the
 * bottom and the right (as in TensorFlow and Keras); or [[top, bottom], [left, right]].
 */
export type Padding = "valid" | "same" | readonly [Pair, Pair];

/** The numbers for rows and columns; ArgumentError naming `who` unless they are integers >= `least`. */
export function pairOf(who: string, what: string, value: PairLike, least = 1): Pair {
  const pair = typeof value === "number" ? ([value, value] as const) : value;
  const right =
    Array.isArray(pair) &&
    pair.length === 2 &&
    pair.every((n) => Number.isInteger(n) && n >= least);
  if (!right)
    throw new ArgumentError(
      complaint(
        who,
        `${what}: an integer >= ${least}, or [rows, columns] of them`,
        Array.isArray(value) ? formatShape(value) : describe(value),
      ),
    );
  return [pair[0]!, pair[1]!];
}

/** Keras' padding "same" along one axis, for windows that span `span` elements. */
function same(extent: number, span: number, stride: number): Pair {
  const windows = Math.ceil(extent / stride);
  const total = Math.max((windows - 1) * stride + span - extent, 0);
  return [Math.floor(total / 2), Math.ceil(total / 2)];
}

/** Padding in numbers for an image of `size`; ArgumentError naming `who` for anything else. */
export function paddingOf(
  who: string,
  padding: Padding,
  size: Pair,
  spans: Pair,
  strides: Pair,
): readonly [Pair, Pair] {
  if (padding === "valid")
    return [
      [0, 0],
      [0, 0],
    ];
  if (padding === "same")
    return [same(size[0], spans[0], strides[0]), same(size[1], spans[1], strides[1])];
  if (!Array.isArray(padding) || padding.length !== 2 || !padding.every(Array.isArray))
    throw new ArgumentError(
      complaint(
        who,
        'padding "valid", "same" or [[top, bottom], [left, right]]',
        describe(padding),
      ),
    );
  return [
    pairOf(who, "padding of rows", padding[0], 0),
    pairOf(who, "padding of columns", padding[1], 0),
  ];
}

/** Elements from a window's first to its last, along rows and columns. */
export function spansOf(window: Pair, dilation: Pair): Pair {
  return [dilation[0] * (window[0] - 1) + 1, dilation[1] * (window[1] - 1) + 1];
}

/** Throws ShapeError naming `who` unless the tensor has four axes. */
export function requireRank4(who: string, what: string, x: Tensor): void {
  if (requireTensor(who, x).rank !== 4)
    throw new ShapeError(complaint(who, what, formatShape(x.shape)));
}

/** How `depthwiseConv2d` lays kernels on images. */
export interface DepthwiseConv2dOptions {
  /** Distance of neighbouring windows; 1 by default. */
  readonly strides?: PairLike;
  /** "valid" by default. */
  readonly padding?: Padding;
  /** Distance of neighbouring elements of the kernel; 1 by default. Not above 1 together with strides. */
  readonly dilation?: PairLike;
  /** "direct" sums products only; "auto" (the default) may use transforms that need fewer, with a little more rounding. */
  readonly algorithm?: ConvGeometry["algorithm"];
}

/** How `conv2d` lays kernels on images. */
export interface Conv2dOptions extends DepthwiseConv2dOptions {
  /** Number of groups of channels and filters, each with its own part of the kernel; 1 by default. */
  readonly groups?: number;
}

/** How `conv2dTranspose` spreads images. */
export interface Conv2dTransposeOptions extends DepthwiseConv2dOptions {
  /** Rows and columns more at the bottom and the right, below the strides. By default as many as Keras adds. */
  readonly outputPadding?: PairLike;
}

const names = ["strides", "padding", "dilation", "algorithm"] as const;

/** What the options say, but for the padding; ArgumentError naming `who` for what Keras refuses too. */
function steps(
  who: string,
  { strides = 1, dilation = 1 }: DepthwiseConv2dOptions,
): { readonly strides: Pair; readonly dilation: Pair } {
  const found = {
    strides: pairOf(who, "strides", strides),
    dilation: pairOf(who, "dilation", dilation),
  };
  if (found.strides.some((n) => n > 1) && found.dilation.some((n) => n > 1))
    throw new ArgumentError(
      complaint(
        who,
        "strides or dilation above 1, not both",
        `strides ${formatShape(found.strides)} and dilation ${formatShape(found.dilation)}`,
      ),
    );
  return found;
}

const sizeOfImages = (x: Tensor): Pair => [x.shape[1]!, x.shape[2]!];

function convGeometryOf(
  who: string,
  x: Tensor,
  kernel: Tensor,
  options: DepthwiseConv2dOptions,
  groups: number,
): ConvGeometry {
  const { strides, dilation } = steps(who, options);
  const { padding = "valid", algorithm = "auto" } = options;
  const spans = spansOf([kernel.shape[0]!, kernel.shape[1]!], dilation);
  return {
    strides,
    dilation,
    groups,
    algorithm,
    padding: paddingOf(who, padding, sizeOfImages(x), spans, strides),
  };
}

/**
 * Cross-correlation of images x [N, H, W, C] with a kernel [KH, KW, C / groups, F]: [N, OH, OW, F], where
 * OH = floor((H + top + bottom - dilation (KH - 1) - 1) / stride) + 1. Filter f sees the channels of its own group.
 * ShapeError where shapes do not fit each other or no window fits, DTypeError unless both are of one float dtype.
 */
export function conv2d(x: Tensor, kernel: Tensor, options: Conv2dOptions = {}): Tensor {
  requireRank4("conv2d", "images [N, H, W, C]", x);
  requireRank4("conv2d", "a kernel [KH, KW, C / groups, F]", kernel);
  checkOptions("conv2d", options, [...names, "groups"]);
  const geometry = convGeometryOf("conv2d", x, kernel, options, options.groups ?? 1);
  return applyConv(x, kernel, geometry, "conv2d");
}

/**
 * Every channel of x [N, H, W, C] convolved separately with each of its M kernels, of [KH, KW, C, M]: [N, OH, OW, C M], kernel
 * m of channel c at c M + m. Sizes are `conv2d`'s. Throws ShapeError for other ranks and for kernels of another number of
 * channels, ArgumentError for options out of range.
 */
export function depthwiseConv2d(
  x: Tensor,
  kernel: Tensor,
  options: DepthwiseConv2dOptions = {},
): Tensor {
  const who = "depthwiseConv2d";
  requireRank4(who, "images [N, H, W, C]", x);
  requireRank4(who, "a kernel [KH, KW, C, M]", kernel);
  checkOptions(who, options, names);
  const [kh, kw, channels, multiplier] = kernel.shape as [number, number, number, number];
  if (channels !== x.shape[3] || multiplier === 0)
    throw new ShapeError(
      complaint(
        who,
        `a kernel [KH, KW, ${x.shape[3]}, M] for images ${formatShape(x.shape)}`,
        formatShape(kernel.shape),
      ),
    );
  // As many groups as channels and filters is what backends know; a single channel is an ordinary convolution anyway.
  const images = channels === 1 ? x : repeat(x, multiplier, 3);
  const groups = channels === 1 ? 1 : channels * multiplier;
  const flat = reshape(kernel, [kh, kw, 1, channels * multiplier]);
  return applyConv(images, flat, convGeometryOf(who, x, kernel, options, groups), who);
}

/** Extent of a transposed convolution's output, and the padding of the convolution that it is the transpose of. */
function spreadOf(
  extent: number,
  span: number,
  stride: number,
  padding: "valid" | "same" | Pair,
  extra: number | undefined,
): { readonly size: number; readonly padding: Pair } {
  const start = (extent - 1) * stride;
  if (padding === "valid")
    return { size: start + span + (extra ?? Math.max(stride - span, 0)), padding: [0, 0] };
  if (padding !== "same")
    return { size: start + span - padding[0] - padding[1] + (extra ?? 0), padding };
  const size = extra === undefined ? extent * stride : start + (span % 2) + extra;
  const total = Math.max(start + span - size, 0);
  return { size, padding: [Math.floor(total / 2), Math.ceil(total / 2)] };
}

/**
 * The transpose of a convolution: each pixel of x [N, H, W, C] spreads the kernel [KH, KW, F, C] over the output [N, OH, OW, F],
 * windows `strides` apart. With K = dilation (KH - 1) + 1, OH is by Keras' rules (H - 1) stride + max(K, stride) for "valid",
 * H stride for "same", (H - 1) stride + K + outputPadding for "valid" with it and (H - 1) stride + K % 2 + outputPadding for
 * "same" with it; for explicit padding (which crops) (H - 1) stride + K - top - bottom + outputPadding.
 * ShapeError where shapes do not fit, ArgumentError for an outputPadding that makes room for further windows.
 */
export function conv2dTranspose(
  x: Tensor,
  kernel: Tensor,
  options: Conv2dTransposeOptions = {},
): Tensor {
  const who = "conv2dTranspose";
  requireRank4(who, "images [N, H, W, C]", x);
  requireRank4(who, "a kernel [KH, KW, F, C]", kernel);
  checkOptions(who, options, [...names, "outputPadding"]);
  requireSameDType(who, x, kernel);
  requireDType(who, x, floats);
  requireImages(who, "images", x);
  if (kernel.shape.includes(0) || kernel.shape[3] !== x.shape[3])
    throw new ShapeError(
      complaint(
        who,
        `a kernel [KH, KW, F, ${x.shape[3]}] for images ${formatShape(x.shape)}`,
        formatShape(kernel.shape),
        "Its last axis is the images' channels.",
      ),
    );
  const { strides, dilation } = steps(who, options);
  const { padding = "valid", algorithm = "auto" } = options;
  const extra =
    options.outputPadding === undefined
      ? undefined
      : pairOf(who, "outputPadding", options.outputPadding, 0);
  const spans = spansOf([kernel.shape[0]!, kernel.shape[1]!], dilation);
  const named = padding === "valid" || padding === "same";
  const widths = named ? undefined : paddingOf(who, padding, [0, 0], spans, strides);
  const [down, across] = sizeOfImages(x).map((extent, axis) => {
    const spread = spreadOf(
      extent,
      spans[axis]!,
      strides[axis]!,
      named ? padding : widths![axis]!,
      extra?.[axis],
    );
    if (
      spread.size < 1 ||
      windowCount(spread.size, spans[axis]!, strides[axis]!, spread.padding) !== extent
    )
      throw new ArgumentError(
        complaint(
          who,
          `an output on which ${extent} windows fit along axis ${axis + 1}`,
          `one of extent ${spread.size}`,
          "Padding must be smaller than what it crops, and outputPadding smaller than the stride.",
        ),
      );
    return spread;
  }) as [ReturnType<typeof spreadOf>, ReturnType<typeof spreadOf>];
  const geometry: ConvGeometry = {
    strides,
    dilation,
    groups: 1,
    algorithm,
    padding: [down.padding, across.padding],
  };
  return convInput(x, kernel, geometry, [down.size, across.size]);
}

/** How pooling windows lie on images. */
export interface Pool2dOptions {
  /** Extent of a window; 2 by default. */
  readonly poolSize?: PairLike;
  /** Distance of neighbouring windows; the window's extent by default, so that windows tile the image. */
  readonly strides?: PairLike;
  /** "valid" by default: rows and columns that no window reaches are left out. */
  readonly padding?: Padding;
}

function poolGeometryOf(who: string, x: Tensor, options: Pool2dOptions): PoolGeometry {
  requireRank4(who, "images [N, H, W, C]", x);
  checkOptions(who, options, ["poolSize", "strides", "padding"]);
  const { poolSize = 2, strides = poolSize, padding = "valid" } = options;
  const window = pairOf(who, "poolSize", poolSize);
  const apart = pairOf(who, "strides", strides);
  const size = [x.shape[1]!, x.shape[2]!] as const;
  return { window, strides: apart, padding: paddingOf(who, padding, size, window, apart) };
}

/**
 * The largest element of each window of x [N, H, W, C]: [N, OH, OW, C]. Padding never wins, NaN always does; the derivative goes
 * to the first of equals, in row-major order. ShapeError where no window fits, ArgumentError for padding not smaller than it.
 */
export function maxPool2d(x: Tensor, options: Pool2dOptions = {}): Tensor {
  return applyPool("maxPool", x, poolGeometryOf("maxPool2d", x, options), "maxPool2d");
}

/** Where the elements that `maxPool2d` gives stand: int32 [N, OH, OW, C], h W + w in their own sample and channel. */
export function maxPool2dIndices(x: Tensor, options: Pool2dOptions = {}): Tensor {
  const who = "maxPool2dIndices";
  return applyPool("maxPoolIndices", x, poolGeometryOf(who, x, options), who);
}

/** For each window along an axis, how many elements of the image it covers: a vector, or 1 number where all are covered. */
function covered(x: Tensor, axis: 0 | 1, geometry: PoolGeometry, windows: number): Tensor | number {
  const extent = x.shape[axis + 1]!;
  const [window, stride] = [geometry.window[axis]!, geometry.strides[axis]!];
  const [before, after] = geometry.padding[axis]!;
  if (before === 0 && (after === 0 || (windows - 1) * stride + window <= extent)) return window;
  const first = sub(mul(iota([windows], 0, { dtype: x.dtype }), stride), before);
  return sub(minimum(add(first, window), extent), maximum(first, 0));
}

/**
 * The mean of each window of x [N, H, W, C]: [N, OH, OW, C]. Padding is not counted: a window over the edge is the mean of the
 * pixels that it covers. ShapeError where no window fits, ArgumentError for padding not smaller than it.
 */
export function averagePool2d(x: Tensor, options: Pool2dOptions = {}): Tensor {
  const who = "averagePool2d";
  const geometry = poolGeometryOf(who, x, options);
  requireDType(who, x, floats);
  requireImages(who, "images", x);
  requireCover(who, geometry);
  return composite("averagePool2d", { ...geometry }, [x], (images) =>
    averages(images, geometry, who),
  );
}

function averages(x: Tensor, geometry: PoolGeometry, who: string): Tensor {
  const [batch, , , channels] = x.shape as [number, number, number, number];
  const { window, strides, padding } = geometry;
  const [rows, columns] = requireWindowCounts(who, x.shape, window, geometry);
  const tiles =
    padding.flat().every((width) => width === 0) &&
    (rows === 1 || strides[0] === window[0]) &&
    (columns === 1 || strides[1] === window[1]);
  if (tiles) {
    const cropped = slice(x, [], [batch, rows * window[0], columns * window[1]]);
    return mean(reshape(cropped, [batch, rows, window[0], columns, window[1], channels]), [2, 4]);
  }
  const ones = full([window[0], window[1], 1, channels], 1, { dtype: x.dtype });
  const sums = applyConv(
    x,
    ones,
    { strides, padding, dilation: [1, 1], groups: channels, algorithm: "direct" },
    who,
  );
  const down = covered(x, 0, geometry, rows);
  const across = covered(x, 1, geometry, columns);
  const counts =
    typeof down === "number" && typeof across === "number"
      ? down * across
      : mul(
          typeof down === "number" ? down : reshape(down, [rows, 1, 1]),
          typeof across === "number" ? across : reshape(across, [columns, 1]),
        );
  return div(sums, counts);
}
