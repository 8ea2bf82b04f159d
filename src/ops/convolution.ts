/** @file Convolutions of images, channels last: ordinary, in groups, depthwise and transposed, with Keras' semantics. */
import { type ConvGeometry, type Pair, windowCount } from "../ir/conv.ts";
import { ArgumentError, ShapeError, complaint } from "../base/errors.ts";
import { checkOptions } from "../base/options.ts";
import { formatShape } from "../ir/shape.ts";
import type { Tensor } from "../ir/tensor.ts";
import { convInput } from "./prims/products.ts";
import { applyConv, requireImages } from "./prims/conv-types.ts";
import { floats, requireDType, requireSameDType } from "./infer.ts";
import { repeat, reshape } from "./shaping.ts";
import {
  type PairLike,
  type Padding,
  paddingOf,
  pairOf,
  requireRank4,
  spansOf,
} from "./windows.ts";

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
  /** Channels and filters fall into so many groups, each with its own part of the kernel; 1 by default. */
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

function geometryOf(
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
  const geometry = geometryOf("conv2d", x, kernel, options, options.groups ?? 1);
  return applyConv(x, kernel, geometry, "conv2d");
}

/**
 * Every channel of x [N, H, W, C] convolved by itself with each of its M kernels, of [KH, KW, C, M]: [N, OH, OW, C M], kernel
 * m of channel c at c M + m. Sizes and errors are `conv2d`'s.
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
  return applyConv(images, flat, geometryOf(who, x, kernel, options, groups), who);
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
