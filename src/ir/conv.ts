/** @file The geometry of windows that slide over images: what convolution and pooling have in common. */

/** A number for rows and one for columns. */
export type Pair = readonly [rows: number, columns: number];

/** How windows lie on an image. Padding may not be negative; what no window reaches is left out at the bottom and the right. */
export interface PoolGeometry {
  /** Extent of the window. */
  readonly window: Pair;
  readonly strides: Pair;
  /** [[top, bottom], [left, right]] */
  readonly padding: readonly [Pair, Pair];
}

/** How a kernel lies on an image. */
export interface ConvGeometry {
  readonly strides: Pair;
  /** [[top, bottom], [left, right]]: rows and columns of zeros. */
  readonly padding: readonly [Pair, Pair];
  /** Distance between neighbouring elements of the kernel, 1 being none skipped. */
  readonly dilation: Pair;
  /** Channels and filters fall into as many groups, each with its own part of the kernel. */
  readonly groups: number;
  /** `direct` sums products only; `auto` may use transforms that need fewer (Winograd), with a little more rounding. */
  readonly algorithm: "auto" | "direct";
}

/** How many windows fit: floor((extent + padding - dilation (window - 1) - 1) / stride) + 1, or 0. */
export function windowCount(
  extent: number,
  window: number,
  stride: number,
  [before, after]: Pair,
  dilation = 1,
): number {
  return Math.max(
    0,
    Math.floor((extent + before + after - dilation * (window - 1) - 1) / stride) + 1,
  );
}

/** Everything a kernel needs to know of a convolution. */
export interface ConvShape {
  readonly dtype: "float32" | "float64";
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly kernelHeight: number;
  readonly kernelWidth: number;
  readonly filters: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly groups: number;
  readonly strides: Pair;
  readonly dilation: Pair;
  readonly top: number;
  readonly left: number;
}

/** The shape of a convolution, from the types of its operands. */
export function convShape(
  x: readonly number[],
  kernel: readonly number[],
  { strides, padding, dilation, groups }: ConvGeometry,
  dtype: "float32" | "float64",
): ConvShape {
  const [batch, height, width, channels] = x as [number, number, number, number];
  const [kernelHeight, kernelWidth, , filters] = kernel as [number, number, number, number];
  return {
    dtype,
    batch,
    height,
    width,
    channels,
    kernelHeight,
    kernelWidth,
    filters,
    outHeight: windowCount(height, kernelHeight, strides[0], padding[0], dilation[0]),
    outWidth: windowCount(width, kernelWidth, strides[1], padding[1], dilation[1]),
    groups,
    strides,
    dilation,
    top: padding[0][0],
    left: padding[1][0],
  };
}

/** Winograd's algorithm on square tiles; the number is the inputs along a side, 4 to 8. */
export type WinogradAlgorithm = "winograd4" | "winograd5" | "winograd6" | "winograd8";

/** How a convolution is computed. */
export type ConvAlgorithm = WinogradAlgorithm | "gemm" | "depthwise";

/** A convolution, and how it is computed. */
export interface ComputedConv {
  readonly shape: ConvShape;
  readonly algorithm: ConvAlgorithm;
}
