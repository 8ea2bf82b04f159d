/**
 * @file Pictures of other sizes, equal to Pillow's (version 13) to the bit: weights of 22 binary digits, sums in integers, 8-bit
 * samples between the two axes (libImaging/Resample.c).
 */
import { checkChoice } from "../../base/options.ts";
import { type Interpolation, interpolations } from "../options.ts";
import { type Picture, checkPicture, checkSides } from "./picture.ts";

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

/** Filters by name; Keys' cubic convolution (1981) with a = -1/2. */
export const filters: Readonly<Record<Exclude<Interpolation, "nearest">, Filter>> = {
  box: { support: 0.5, weigh: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weigh: (x) => Math.max(1 - Math.abs(x), 0) },
  bicubic: {
    support: 2,
    weigh(x) {
      const a = -0.5;
      const d = Math.abs(x);
      if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
      return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
    },
  },
};

/**
 * The picture with other numbers of columns and rows, its aspect ratio given up, as `Image.resize` of Pillow and `load_img` of Keras
 * make it: the same bits. "nearest" picks the pixel under each new pixel's centre; the others average over all pixels that a
 * new pixel covers (antialiasing), in Pillow 13's order of columns and rows (before 13, tall pictures differ by a level). Throws ArgumentError for sizes that are not whole and positive, or unknown interpolations.
 */
export function resize(
  picture: Picture,
  width: number,
  height: number,
  interpolation: Interpolation = "nearest",
): Picture {
  checkPicture("resize", picture);
  checkSides("resize", width, height);
  checkChoice("resize: interpolation", interpolation, interpolations);
  if (interpolation === "nearest") return pick(picture, width, height);
  const filter = filters[interpolation];
  const passes = [
    (p: Picture) => (p.width === width ? p : resampleColumns(p, width, filter)),
    (p: Picture) => (p.height === height ? p : resampleRows(p, height, filter)),
  ];
  // Pillow's rule since version 13: rows first where many more of them than of the columns go.
  const lost = picture.height - height;
  if (lost > 0 && lost > 2 * (picture.width - width)) passes.reverse();
  const done = passes.reduce((p, pass) => pass(p), picture);
  return done === picture ? { ...picture, data: picture.data.slice() } : done;
}

/** The source position of each of `size` pixels; sums of steps rather than products, for Pillow's rounding. */
function positions(sourceSize: number, size: number): number[] {
  const step = sourceSize / size;
  let at = step * 0.5;
  return Array.from({ length: size }, () => {
    const found = Math.trunc(at);
    at += step;
    return found;
  });
}

function pick(picture: Picture, width: number, height: number): Picture {
  const data = new Uint8Array(3 * width * height);
  const columns = positions(picture.width, width);
  let to = 0;
  for (const row of positions(picture.height, height))
    for (const column of columns) {
      const from = 3 * (row * picture.width + column);
      data[to++] = picture.data[from]!;
      data[to++] = picture.data[from + 1]!;
      data[to++] = picture.data[from + 2]!;
    }
  return { width, height, data };
}
