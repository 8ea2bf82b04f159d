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

/** How a convolution is computed. */
export type ConvAlgorithm = "winograd" | "gemm" | "depthwise";

/** Side of the tiles of outputs that Winograd's algorithm F(4x4, 3x3) computes at once, and of the tiles it reads. */
export const winogradTile = { out: 4, in: 6 } as const;

/**
 * Depthwise: a group a channel. Winograd F(4x4, 3x3) (Lavin and Gray 2015) for 3x3 kernels of stride 1 in float32 where
 * that is faster. Everything else is a matrix product over gathered patches.
 */
export function convAlgorithm(shape: ConvShape, asked: ConvGeometry["algorithm"]): ConvAlgorithm {
  const { channels, filters, groups, kernelHeight, kernelWidth, strides, dilation } = shape;
  if (groups > 1 && groups === channels && filters === channels) return "depthwise";
  const winograd =
    asked === "auto" &&
    shape.dtype === "float32" &&
    groups === 1 &&
    kernelHeight === 3 &&
    kernelWidth === 3 &&
    [...strides, ...dilation].every((step) => step === 1) &&
    winogradPays(shape);
  return winograd ? "winograd" : "gemm";
}

/**
 * Whether Winograd's algorithm is expected to take less than four fifths of the time. Measured in multiplications of a
 * product over patches (V8, x64): one of its own products costs 0.8; the transforms 250 a tile and channel or filter; the
 * kernel, which may have to be prepared each time, 200 an element of [C, F].
 */
function winogradPays(shape: ConvShape): boolean {
  const { batch, channels, filters, outHeight, outWidth } = shape;
  const up = (extent: number, unit: number): number => Math.ceil(extent / unit) * unit;
  const tiles =
    batch * Math.ceil(outHeight / winogradTile.out) * Math.ceil(outWidth / winogradTile.out);
  const products = winogradTile.in ** 2 * up(tiles, 4) * up(channels, 4) * up(filters, 8);
  const transforms = 250 * tiles * (channels + filters) + 200 * channels * filters;
  const direct = 9 * batch * outHeight * outWidth * channels * filters;
  return 0.8 * products + transforms < 0.8 * direct;
}

/** Filters whose weights lie side by side in a kernel prepared for matrix products: two vectors. */
export function panelWidth(dtype: "float32" | "float64"): number {
  return dtype === "float32" ? 8 : 4;
}

/** Elements of a prepared kernel. */
export function preparedSize(shape: ConvShape, algorithm: ConvAlgorithm): number {
  const { kernelHeight, kernelWidth, channels, filters, groups, dtype } = shape;
  const taps = kernelHeight * kernelWidth;
  switch (algorithm) {
    case "winograd":
      return winogradKernelSize(shape);
    case "depthwise":
      return taps * channels;
    case "gemm": {
      const panel = panelWidth(dtype);
      const panels = Math.ceil(filters / groups / panel);
      return groups * panels * panel * taps * (channels / groups);
    }
  }
}

/**
 * Elements from one of the 36 matrices [panels][channels][filters of a panel] of a kernel prepared for Winograd's algorithm
 * to the next. Channels are filled up to a multiple of four. A cache line lies between, as a matrix may be a multiple of a page: the same element of all matrices would
 * compete for the same few lines of the cache.
 */
export function winogradKernelPlane({ channels, filters }: ConvShape): number {
  const panel = panelWidth("float32");
  const rows = Math.ceil(channels / 4) * 4;
  return Math.ceil((Math.ceil(filters / panel) * panel * rows) / 16) * 16 + 16;
}

/** Elements of a kernel prepared for Winograd's algorithm. */
export function winogradKernelSize(shape: ConvShape): number {
  return winogradTile.in ** 2 * winogradKernelPlane(shape);
}
