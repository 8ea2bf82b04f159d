/** @file Maps as figures take them, numbers row by row, and their enlargement to the size of pictures. */
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import { checkChoice } from "../../base/options.ts";
import { type Upsampling, upsamplings } from "../options.ts";
import { type Filter, filters, taps } from "../../models/images/resize.ts";

/** The map of any method; an `Explanation` is one. */
export interface HeatMap {
  /** Finite numbers, row by row. */
  readonly values: ArrayLike<number>;
  /** [height, width]. */
  readonly shape: readonly number[];
  /** Nothing was positive before negative values became zero: figures say so instead of showing an empty map. */
  readonly allNonPositive?: boolean;
}

/** Whether a map has nothing to show, because nothing was positive and negative values were not kept. */
export function isBlank(map: HeatMap): boolean {
  return map.allNonPositive === true && rangeOf([map])[0] >= 0;
}

/** The values of the first and the last colour. */
export type Range = readonly [low: number, high: number];

/** Throws ArgumentError naming `who` unless the map has a finite number for each row and column of its shape. */
export function checkMap(who: string, map: HeatMap): void {
  const { values, shape } = (map ?? {}) as Partial<HeatMap>;
  const fits =
    Array.isArray(shape) &&
    shape.length === 2 &&
    shape.every((size) => Number.isSafeInteger(size) && size > 0) &&
    values?.length === shape[0]! * shape[1]!;
  if (!fits)
    throw new ArgumentError(
      complaint(
        who,
        "a map with values and a shape [height, width] of as many",
        values === undefined ? describe(map) : `${values.length} values, shape [${String(shape)}]`,
      ),
    );
  for (let i = 0; i < values!.length; i++)
    if (!Number.isFinite(values![i]))
      throw new ArgumentError(
        complaint(
          who,
          "finite values",
          `${values![i]} in row ${Math.floor(i / shape[1]!)}, column ${i % shape[1]!}`,
        ),
      );
}

/** The range of several maps, [0, 0] for none; around zero if `symmetric`. */
export function rangeOf(maps: readonly HeatMap[], symmetric = false): Range {
  let [low, high] = [Infinity, -Infinity];
  for (const { values } of maps)
    for (let i = 0; i < values.length; i++) {
      low = Math.min(low, values[i]!);
      high = Math.max(high, values[i]!);
    }
  if (low > high) return [0, 0];
  if (!symmetric) return [low, high];
  const most = Math.max(Math.abs(low), Math.abs(high));
  return [-most, most];
}

/** A function from lines of `from` values to lines of `to` values that cover the same length. */
type Line = (from: number, to: number) => (line: Float64Array) => Float64Array;

const filtered =
  (filter: Filter): Line =>
  (from, to) => {
    const places = taps(from, to, filter);
    return (line) =>
      Float64Array.from(places, ({ from: first, weights }) => {
        let sum = 0;
        for (let i = 0; i < weights.length; i++) sum += weights[i]! * line[first + i]!;
        return sum;
      });
  };

const nearest: Line = (from, to) => (line) =>
  Float64Array.from({ length: to }, (_, i) => line[Math.floor(((i + 0.5) * from) / to)]!);

const lines: Readonly<Record<Upsampling, Line>> = {
  nearest,
  bilinear: filtered(filters.bilinear),
  cubic: filtered(filters.bicubic),
  spline3: splineLine,
};

/**
 * The map resized to other numbers of rows and columns, in float64. `nearest`, `bilinear` and `cubic` (Keys 1981, a = -1/2)
 * take values as areas, and average if the map becomes smaller, as Pillow does. `spline3` takes values as points, with the
 * outer ones at the edge, as scipy.ndimage.zoom(order=3) does, and may overshoot. Throws ArgumentError for unknown names and
 * for values that are not finite.
 */
export function upsample(
  map: HeatMap,
  height: number,
  width: number,
  method: Upsampling = "bilinear",
): HeatMap & { readonly values: Float64Array } {
  checkMap("upsample", map);
  checkChoice("upsample", method, upsamplings);
  const [h, w] = map.shape as [number, number];
  const line = lines[method];
  const wide = eachRow(Float64Array.from(map.values), h, w, width, line(w, width));
  const turned = eachRow(transposed(wide, h, width), width, h, height, line(h, height));
  return { ...map, values: transposed(turned, width, height), shape: [height, width] };
}

function eachRow(
  values: Float64Array,
  rows: number,
  from: number,
  to: number,
  line: (line: Float64Array) => Float64Array,
): Float64Array {
  const all = new Float64Array(rows * to);
  for (let row = 0; row < rows; row++)
    all.set(line(values.subarray(row * from, (row + 1) * from)), row * to);
  return all;
}

function transposed(values: Float64Array, rows: number, columns: number): Float64Array {
  const turned = new Float64Array(values.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      turned[column * rows + row] = values[row * columns + column]!;
  return turned;
}

/** The pole of the cubic spline's recursive filters. */
const pole = Math.sqrt(3) - 2;

/**
 * Replaces samples by the coefficients of the cubic B-spline through them (Unser, Aldroubi and Eden 1993): two recursive
 * filters, with the samples mirrored at the ends.
 */
function toCoefficients(c: Float64Array): void {
  const n = c.length;
  if (n < 2) return;
  const gain = (1 - pole) * (1 - 1 / pole);
  for (let i = 0; i < n; i++) c[i]! *= gain;
  // The causal filter begins with the sum over all mirror images.
  let power = pole;
  let last = 1;
  for (let i = 1; i < n; i++) last *= pole;
  let sum = c[0]! + last * c[n - 1]!;
  for (let i = 1; i < n - 1; i++) {
    sum += power * (c[i]! + last * c[n - 1 - i]!);
    power *= pole;
  }
  c[0] = sum / (1 - last * last);
  for (let i = 1; i < n; i++) c[i]! += pole * c[i - 1]!;
  c[n - 1] = ((pole * c[n - 2]! + c[n - 1]!) * pole) / (pole * pole - 1);
  for (let i = n - 2; i >= 0; i--) c[i] = pole * (c[i + 1]! - c[i]!);
}

/** An index that may lie beyond the ends, mirrored at the outer samples. */
function mirrored(index: number, n: number): number {
  if (n === 1) return 0;
  const period = 2 * (n - 1);
  const inside = ((index % period) + period) % period;
  return inside < n ? inside : period - inside;
}

/** The four weights of the cubic B-spline at a distance of 0 to 1 from the second of four coefficients. */
function weights(t: number): [number, number, number, number] {
  const s = 1 - t;
  const second = (t * t * (t - 2) * 3 + 4) / 6;
  const third = (s * s * (s - 2) * 3 + 4) / 6;
  const first = (s * s * s) / 6;
  return [first, second, third, 1 - first - second - third];
}

/** Lines by the spline through their samples, from the first to the last. */
function splineLine(n: number, size: number): (line: Float64Array) => Float64Array {
  const places = Array.from({ length: size }, (_, i) => {
    const at = size === 1 ? 0 : (i * (n - 1)) / (size - 1);
    const from = Math.floor(at);
    return weights(at - from).map((weight, k) => [mirrored(from - 1 + k, n), weight] as const);
  });
  return (line) => {
    const c = line.slice();
    toCoefficients(c);
    return Float64Array.from(places, (place) => {
      let sum = 0;
      for (const [index, weight] of place) sum += weight * c[index]!;
      return sum;
    });
  };
}
