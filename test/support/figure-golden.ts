/** @file test/golden/figures.json, and the maps and the picture it was made from. */
import { readFileSync } from "node:fs";
import type { ColourMapName, HeatMap, Range, Upsampling } from "../../src/explain/index.ts";
import type { Picture } from "../../src/models/index.ts";

interface FigureGolden {
  readonly upsampled: readonly {
    readonly source: readonly [number, number];
    readonly target: readonly [number, number];
    readonly method: Upsampling;
    readonly values: readonly number[];
  }[];
  readonly colours: Readonly<Record<ColourMapName, string>>;
  readonly panels: readonly (readonly [number, number, number, number])[];
  readonly shape: readonly [number, number, 3];
  readonly pixels: string;
}

export const golden: FigureGolden = JSON.parse(
  readFileSync(new URL("../golden/figures.json", import.meta.url), "utf8"),
) as FigureGolden;

/** A map of a few integers from -9 to 13. */
export function wave(height: number, width: number): HeatMap & { readonly range: Range } {
  const values = Float64Array.from({ length: height * width }, (_, i) => {
    const [y, x] = [Math.floor(i / width), i % width];
    return ((x * 7 + y * 11 + x * y * 3) % 23) - 9;
  });
  return { values, shape: [height, width], range: [-9, 13] };
}

/** The picture of the golden figure. */
export function stripes(size: number): Picture {
  const data = Uint8Array.from({ length: 3 * size * size }, (_, i) => {
    const [y, x] = [Math.floor(i / 3 / size), Math.floor(i / 3) % size];
    return [x * 3 + y, x + y * 2, x * y][i % 3]!;
  });
  return { width: size, height: size, data };
}
