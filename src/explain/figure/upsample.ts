/** @file Maps of the size of pictures. */
import { checkChoice } from "../../base/options.ts";
import { type Filter, taps, filters } from "../../models/images/resize.ts";
import { type HeatMap, checkMap } from "./heat-map.ts";
import { splineLine } from "./spline.ts";

/** How values between values are found. */
export type Upsampling = "nearest" | "bilinear" | "cubic" | "spline3";

/** For lines of `from` values: what makes of one a line of `to` values that covers the same length. */
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

/** The names of all ways. */
export const upsamplings: readonly Upsampling[] = Object.keys(lines) as Upsampling[];

/**
 * The map with other numbers of rows and columns, in float64. `nearest`, `bilinear` and `cubic` (Keys 1981, a = -1/2) take values as
 * areas, and average where the map becomes smaller, as Pillow does; `spline3` takes them as points, the outer ones on the outer new
 * values, as scipy.ndimage.zoom(order=3) does, and may overshoot. Throws ArgumentError for unknown names and for maps with gaps.
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
