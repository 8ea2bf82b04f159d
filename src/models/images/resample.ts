/**
 * @file Resampling of pictures along one axis by a filter whose support grows with the scale, so that nothing is skipped when a
 * picture shrinks. Arithmetic and rounding are Pillow's (libImaging/Resample.c: precompute_coeffs, normalize_coeffs_8bpc), which
 * makes results equal to the bit: weights of 22 binary digits, sums in integers, 8-bit samples between the two axes.
 */
import type { Picture } from "./picture.ts";

/** A filter: zero beyond its support, at scale 1. */
export interface Filter {
  readonly support: number;
  weigh(distance: number): number;
}

/** The old samples that make up a new one, and their weights, whose sum is 1. */
export interface Taps {
  /** The first old sample. */
  readonly from: number;
  readonly weights: readonly number[];
}

/** What each of `size` new samples is made of, out of `sourceSize` that cover the same length. */
export function taps(sourceSize: number, size: number, filter: Filter): Taps[] {
  const scale = sourceSize / size;
  const stretch = Math.max(scale, 1);
  const support = filter.support * stretch;
  return Array.from({ length: size }, (_, at) => {
    const center = (at + 0.5) * scale;
    const from = Math.max(Math.trunc(center - support + 0.5), 0);
    const to = Math.min(Math.trunc(center + support + 0.5), sourceSize);
    const raw = Array.from({ length: to - from }, (_, i) =>
      filter.weigh((i + from - center + 0.5) * (1 / stretch)),
    );
    const total = raw.reduce((sum, weight) => sum + weight, 0);
    return { from, weights: total === 0 ? raw : raw.map((weight) => weight / total) };
  });
}

/** Binary digits behind the point of a weight: 32 less 8 of the samples, less a sign and one for weights beyond 1. */
const precision = 22;
const one = 2 ** precision;

interface WholeTaps {
  readonly from: number;
  readonly weights: Int32Array;
}

function wholeTaps(sourceSize: number, size: number, filter: Filter): WholeTaps[] {
  return taps(sourceSize, size, filter).map(({ from, weights }) => ({
    from,
    weights: Int32Array.from(weights, (w) => Math.trunc(w * one + (w < 0 ? -0.5 : 0.5))),
  }));
}

/** The picture with `size` columns. */
export function resampleColumns(picture: Picture, size: number, filter: Filter): Picture {
  const { width, height } = picture;
  const data = new Uint8Array(3 * size * height);
  const columns = wholeTaps(width, size, filter);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < size; x++)
      blend(picture.data, 3 * width * y, 3, columns[x]!, data, 3 * (size * y + x));
  return { width: size, height, data };
}

/** The picture with `size` rows. */
export function resampleRows(picture: Picture, size: number, filter: Filter): Picture {
  const { width, height } = picture;
  const data = new Uint8Array(3 * width * size);
  const rows = wholeTaps(height, size, filter);
  for (let y = 0; y < size; y++)
    for (let x = 0; x < width; x++)
      blend(picture.data, 3 * x, 3 * width, rows[y]!, data, 3 * (width * y + x));
  return { width, height: size, data };
}

/** One pixel: the weighted sum of source pixels `stride` samples apart. */
function blend(
  source: Uint8Array,
  start: number,
  stride: number,
  { from, weights }: WholeTaps,
  data: Uint8Array,
  to: number,
): void {
  let [red, green, blue] = [one / 2, one / 2, one / 2];
  let at = start + from * stride;
  for (let i = 0; i < weights.length; i++, at += stride) {
    const weight = weights[i]!;
    red += source[at]! * weight;
    green += source[at + 1]! * weight;
    blue += source[at + 2]! * weight;
  }
  data[to] = clip(red >> precision);
  data[to + 1] = clip(green >> precision);
  data[to + 2] = clip(blue >> precision);
}

const clip = (level: number): number => (level < 0 ? 0 : level > 255 ? 255 : level);
