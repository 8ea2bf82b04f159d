/** @file Maps of the size of pictures. */
import { ArgumentError, complaint, describe } from "../../ir/errors.ts";
import { nearNames } from "../../ir/near-names.ts";
import { taps } from "../../models/images/resample.ts";
import { filters } from "../../models/images/resize.ts";
import { type HeatMap, checkMap } from "./heat-map.ts";
import { splineLine } from "./spline.ts";

/** How values between values are found. */
export type Upsampling = "nearest" | "bilinear" | "cubic" | "spline3";

/** A line of values -> one of `size` values that covers the same length. */
type Line = (line: Float64Array, size: number) => Float64Array;

const filtered =
  (filter: Parameters<typeof taps>[2]): Line =>
  (line, size) =>
    Float64Array.from(taps(line.length, size, filter), ({ from, weights }) =>
      weights.reduce((sum, weight, i) => sum + weight * line[from + i]!, 0),
    );

const lines: Readonly<Record<Upsampling, Line>> = {
  nearest: (line, size) =>
    Float64Array.from(
      { length: size },
      (_, i) => line[Math.floor(((i + 0.5) * line.length) / size)]!,
    ),
  bilinear: filtered(filters.bilinear),
  cubic: filtered(filters.bicubic),
  spline3: splineLine,
};

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
  if (!upsamplings.includes(method))
    throw new ArgumentError(
      complaint(
        "upsample",
        upsamplings.join(", "),
        describe(method),
        typeof method === "string"
          ? `Did you mean ${nearNames(method, upsamplings)[0]}?`
          : undefined,
      ),
    );
  const [h, w] = map.shape as [number, number];
  const wide = rowsOf(Float64Array.from(map.values), h, w, width, lines[method]);
  const turned = rowsOf(transposed(wide, h, width), width, h, height, lines[method]);
  return { ...map, values: transposed(turned, width, height), shape: [height, width] };
}

function rowsOf(
  values: Float64Array,
  rows: number,
  from: number,
  to: number,
  line: Line,
): Float64Array {
  const all = new Float64Array(rows * to);
  for (let row = 0; row < rows; row++)
    all.set(line(values.subarray(row * from, (row + 1) * from), to), row * to);
  return all;
}

function transposed(values: Float64Array, rows: number, columns: number): Float64Array {
  const turned = new Float64Array(values.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      turned[column * rows + row] = values[row * columns + column]!;
  return turned;
}
