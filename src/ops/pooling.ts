/** @file Pooling of images, channels last, with Keras' semantics. */
import type { PoolGeometry } from "../ir/conv.ts";
import { checkOptions } from "../base/options.ts";
import type { Tensor } from "../ir/tensor.ts";
import { composite } from "./composite.ts";
import { full, iota } from "./creation.ts";
import { add, div, maximum, minimum, mul, sub } from "./elementwise.ts";
import { floats, requireDType } from "./infer.ts";
import { applyConv, requireImages, requireWindowCounts } from "./prims/conv-types.ts";
import { applyPool, requireCover } from "./prims/pool.ts";
import { mean } from "./reductions.ts";
import { reshape, slice } from "./shaping.ts";
import { type PairLike, type Padding, paddingOf, pairOf, requireRank4 } from "./windows.ts";

/** How pooling windows lie on images. */
export interface Pool2dOptions {
  /** Extent of a window; 2 by default. */
  readonly poolSize?: PairLike;
  /** Distance of neighbouring windows; the window's extent by default, so that windows tile the image. */
  readonly strides?: PairLike;
  /** "valid" by default: rows and columns that no window reaches are left out. */
  readonly padding?: Padding;
}

function geometryOf(who: string, x: Tensor, options: Pool2dOptions): PoolGeometry {
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
  return applyPool("maxPool", x, geometryOf("maxPool2d", x, options), "maxPool2d");
}

/** Where the elements that `maxPool2d` gives stand: int32 [N, OH, OW, C], h W + w in their own sample and channel. */
export function maxPool2dIndices(x: Tensor, options: Pool2dOptions = {}): Tensor {
  const who = "maxPool2dIndices";
  return applyPool("maxPoolIndices", x, geometryOf(who, x, options), who);
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
  const geometry = geometryOf(who, x, options);
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
