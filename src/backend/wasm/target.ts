/**
 * @file What the wasm backend tells the compiler about itself: how convolutions are computed and how large their prepared kernels
 * are, which matrix products are better loops, and which loops want the registers to themselves.
 */
import type {
  ComputedConv,
  ConvAlgorithm,
  ConvGeometry,
  ConvShape,
  WinogradAlgorithm,
} from "../../ir/conv.ts";
import type { Target } from "../backend.ts";

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

/** Matrix products with a side this small are sums written out in the loop over the two other sides. */
const smallSide = 4;
/** A right operand of this many elements, read along its rows, is streamed through by a kernel. */
const streamed = 1 << 16;

/** Loops of fewer elements are not worth a kernel of their own; more leave the first-level cache between two kernels. */
const fewest = 256;
const most = 8192;

/** The facts of this backend. */
export const wasmTarget: Target = {
  convolution: convAlgorithm,
  preparedSize,
  keepsRuns: (algorithm, run) =>
    winogradAlgorithms.some((one) => one === algorithm) && run % panelWidth("float32") === 0,
  smallSide,
  isProductOfLoops: ({ m, n, k, alongRows }) =>
    Math.min(m, n, k) <= smallSide &&
    !(Math.min(n, k) > smallSide && k * n >= streamed && alongRows),
  /**
   * A transcendental function alone in its loop keeps its coefficients in the sixteen vector registers of x64. Fused with the rest
   * of a layer, everything spills: measured on workload A, the fused loop took a fifth longer than three separate ones.
   */
  wantsOwnLoop: (size) => size >= fewest && size <= most,
};
