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

/** Winograd's algorithm on tiles of so many inputs a side, 4 to 8. */
export type WinogradAlgorithm = "winograd4" | "winograd5" | "winograd6" | "winograd8";

/** How a convolution is computed. */
export type ConvAlgorithm = WinogradAlgorithm | "gemm" | "depthwise";

/** A convolution, and how it is computed. */
export interface ComputedConv {
  readonly shape: ConvShape;
  readonly algorithm: ConvAlgorithm;
}

/**
 * Depthwise: a group a channel. Winograd (Lavin and Gray 2015) in float32 where that is faster: for kernels of three or two times
 * the stride. Everything else sums products as they are, its kernel in panels: by tiles of neighbouring pixels, or as a matrix
 * product over gathered patches.
 */
export function convAlgorithm(shape: ConvShape, asked: ConvGeometry["algorithm"]): ConvAlgorithm {
  const { channels, filters, groups, kernelHeight, kernelWidth, strides, dilation } = shape;
  if (groups > 1 && groups === channels && filters === channels) return "depthwise";
  const possible =
    asked === "auto" &&
    shape.dtype === "float32" &&
    groups === 1 &&
    kernelHeight === kernelWidth &&
    strides[0] === strides[1] &&
    [2, 3].includes(kernelHeight / strides[0]) &&
    dilation.every((step) => step === 1);
  return (possible ? cheapestWinograd(shape) : undefined) ?? "gemm";
}

/** Sides of the tiles that Winograd's algorithm reads. */
const tileSides: Readonly<Record<WinogradAlgorithm, number>> = {
  winograd4: 4,
  winograd5: 5,
  winograd6: 6,
  winograd8: 8,
};

export const winogradAlgorithms = Object.keys(tileSides) as readonly WinogradAlgorithm[];

/** Side of the largest of them. */
export const largestTile = 8;

/** Channels times filters up to which those are taken: a kernel grows sevenfold by them, and is to stay in a cache. */
const largestMatrix = 1 << 14;

/**
 * How Winograd's algorithm F(m x m, r x r) computes a convolution. A kernel of stride s lies with stride 1 on the image folded
 * by it, in which s x s neighbouring pixels are the channels of one.
 */
export interface WinogradForm {
  /** s. */
  readonly fold: number;
  /** r: side of the kernel on the folded image. */
  readonly taps: number;
  /** m: side of the tiles of outputs. */
  readonly outputs: number;
  /** m + r - 1: side of the tiles of inputs, and of those of products. */
  readonly tile: number;
  /** Channels of the folded image: those of each of the s x s pixels fill whole vectors of four. */
  readonly depth: number;
}

export function winogradForm({ shape, algorithm }: ComputedConv): WinogradForm {
  const [fold] = shape.strides;
  const taps = shape.kernelHeight / fold;
  const tile = tileSides[algorithm as WinogradAlgorithm];
  const depth = fold ** 2 * Math.ceil(shape.channels / 4) * 4;
  return { fold, taps, outputs: tile + 1 - taps, tile, depth };
}

/**
 * The tiles that are expected to take the least time: large ones need fewer products, small ones may fit better. None if it is
 * not less than four fifths of the time of a product over patches.
 */
function cheapestWinograd(shape: ConvShape): WinogradAlgorithm | undefined {
  const { batch, channels, filters, outHeight, outWidth, kernelHeight, kernelWidth } = shape;
  const direct = kernelHeight * kernelWidth * batch * outHeight * outWidth * channels * filters;
  let [cheapest, least]: [WinogradAlgorithm | undefined, number] = [undefined, 0.8 * direct];
  for (const algorithm of winogradAlgorithms) {
    const { tile, depth } = winogradForm({ shape, algorithm });
    if (tile === largestTile && depth * filters > largestMatrix) continue;
    const cost = winogradCost({ shape, algorithm });
    if (cost < least) [cheapest, least] = [algorithm, cost];
  }
  return cheapest;
}

/**
 * What Winograd's algorithm costs, in multiplications of a product over patches (V8, x64). Measured: one of its own products
 * costs 0.8; the transforms 250 a tile of 6 x 6 and channel or filter; the kernel, which may have to be prepared each time, 200
 * an element of [C, F].
 */
function winogradCost(work: ComputedConv): number {
  const { batch, channels, filters, outHeight, outWidth } = work.shape;
  const { fold, outputs, tile, depth } = winogradForm(work);
  const up = (extent: number, unit: number): number => Math.ceil(extent / unit) * unit;
  const tiles = batch * Math.ceil(outHeight / outputs) * Math.ceil(outWidth / outputs);
  const products = tile ** 2 * up(tiles, 4) * depth * up(filters, 8);
  const folded = fold ** 2 * channels;
  const transforms = 250 * tiles * (folded + filters) + 200 * folded * filters;
  return 0.8 * products + (tile / 6) ** 2 * transforms;
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
    case "winograd4":
    case "winograd5":
    case "winograd6":
    case "winograd8":
      return winogradKernelSize({ shape, algorithm });
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
 * Elements from one of the matrices [panels][channels][filters of a panel] of a kernel prepared for Winograd's algorithm
 * to the next. A cache line lies between, as a matrix may be a multiple of a page: the same element of all matrices would
 * compete for the same few lines of the cache.
 */
export function winogradKernelPlane(work: ComputedConv): number {
  const panel = panelWidth("float32");
  const elements = Math.ceil(work.shape.filters / panel) * panel * winogradForm(work).depth;
  return Math.ceil(elements / 16) * 16 + 16;
}

/** Elements of a kernel prepared for Winograd's algorithm. */
export function winogradKernelSize(work: ComputedConv): number {
  return winogradForm(work).tile ** 2 * winogradKernelPlane(work);
}
