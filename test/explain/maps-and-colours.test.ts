/**
 * @file Upsampling against Pillow and scipy, colour maps against matplotlib (test/golden/figures.json), overlays by their definition.
 */
import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type ColourMapName,
  type HeatMap,
  colourMaps,
  colourise,
  overlay,
  upsample,
  upsamplings,
} from "../../src/explain/index.ts";
import { golden, stripes, wave } from "../support/figure-golden.ts";
import { describeWithData, testData } from "../support/test-data.ts";

const farthest = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length);
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!));
  return most;
};

describe("upsampled maps", () => {
  // Pillow's are float32 and rounded to six digits in the file.
  test.each(golden.upsampled)(
    "$source -> $target, $method",
    ({ source, target, method, values }) => {
      const large = upsample(wave(...source), ...target, method);
      expect(large.shape).toEqual(target);
      expect(farthest(large.values, values)).toBeLessThan(method === "spline3" ? 1e-13 : 4e-6);
    },
  );

  test("of the same size are the same", () => {
    const map = wave(6, 8);
    for (const method of upsamplings)
      expect(farthest(upsample(map, 6, 8, method).values, map.values)).toBeLessThan(1e-14);
  });

  test("of a constant are constant, and turning a map turns the result", () => {
    const size = fc.integer({ min: 1, max: 12 });
    const turned = ({ values, shape }: HeatMap): number[] =>
      Array.from(
        { length: values.length },
        (_, i) => values[(i % shape[0]!) * shape[1]! + Math.floor(i / shape[0]!)]!,
      );
    fc.assert(
      fc.property(fc.constantFrom(...upsamplings), size, size, size, size, (method, h, w, H, W) => {
        const constant = upsample(
          { values: new Array(h * w).fill(3), shape: [h, w] },
          H,
          W,
          method,
        );
        for (const value of constant.values) expect(value).toBeCloseTo(3, 12);
        const map = wave(h, w);
        const other = upsample({ values: turned(map), shape: [w, h] }, W, H, method);
        expect(farthest(other.values, turned(upsample(map, H, W, method)))).toBeLessThan(1e-12);
      }),
    );
  });

  test("anything but a map is refused", () => {
    expect(() => upsample({ values: [1, 2], shape: [3] }, 2, 2)).toThrow("2 values, shape [3]");
    expect(() => upsample({ values: [1, 2, Number.NaN, 4], shape: [2, 2] }, 4, 4)).toThrow(
      "finite values, got NaN in row 1, column 0",
    );
    expect(() => upsample(wave(2, 2), 4, 4, "spline" as "spline3")).toThrow(
      "Did you mean spline3?",
    );
  });
});

// The matrices have 12 digits and are 3e-12 from scipy 1.17's own, which the cases above are compared with.
describeWithData("tables that others published", () => {
  test.each([7, 14])("scipy's zoom of order 3, %i to 224", (size) => {
    const { M } = JSON.parse(
      readFileSync(testData("golden", `scipy_zoom_order3_${size}to224_matrix.json`), "utf8"),
    ) as { M: number[] };
    for (let column = 0; column < size; column++) {
      const unit = Float64Array.from({ length: size }, (_, i) => (i === column ? 1 : 0));
      const { values } = upsample({ values: unit, shape: [size, 1] }, 224, 1, "spline3");
      const wanted = values.map((_, row) => M[row * size + column]!);
      expect(farthest(values, wanted)).toBeLessThan(5e-12);
    }
  });

  test("matplotlib's jet", () => {
    const jet = JSON.parse(
      readFileSync(testData("golden", "mpl_jet_256.json"), "utf8"),
    ) as number[][];
    expect([...ramp("jet")]).toEqual(jet.flat());
  });
});

/** All 256 colours. */
function ramp(colourMap: ColourMapName): Uint8Array {
  const values = Float64Array.from({ length: 256 }, (_, i) => i + 0.5);
  return colourise({ values, shape: [1, 256] }, { colourMap, range: [0, 256] }).data;
}

describe("colour maps", () => {
  // d3 rounds where matplotlib cuts off, and smooths RdBu by a spline where matplotlib has straight lines.
  const apart: Partial<Record<ColourMapName, number>> = { jet: 0, rdbu: 10 };
  test.each(colourMaps)("%s is matplotlib's", (name) => {
    const wanted = Buffer.from(golden.colours[name], "base64");
    expect(farthest(ramp(name), wanted)).toBeLessThanOrEqual(apart[name] ?? 1);
  });

  test("values of equal parts of the range, the outer colours beyond it", () => {
    const jet = ramp("jet");
    const { data } = colourise(
      { values: [-5, 0, 0.999, 1, 255.5, 256, 300], shape: [1, 7] },
      { colourMap: "jet", range: [0, 256] },
    );
    const steps = [0, 0, 0, 1, 255, 255, 255];
    expect([...data]).toEqual(steps.flatMap((s) => [...jet.subarray(3 * s, 3 * s + 3)]));
  });

  test("a signed map is blue, white and red around zero; a constant one has no colour of its own", () => {
    const { data } = colourise({ values: [-4, 0, 2], shape: [1, 3] });
    const [blue, white, red] = [data.subarray(0, 3), data.subarray(3, 6), data.subarray(6, 9)];
    expect(blue[2]!).toBeGreaterThan(blue[0]! + 50);
    expect(Math.min(...white)).toBeGreaterThan(230);
    expect(red[0]!).toBeGreaterThan(red[2]! + 50);
    const constant = colourise({ values: [7, 7], shape: [1, 2] }, { colourMap: "viridis" });
    expect([...constant.data.subarray(0, 3)]).toEqual([...ramp("viridis").subarray(0, 3)]);
  });

  test("wrong names and ranges are said", () => {
    expect(() => colourise(wave(2, 2), { colourMap: "viridas" as "viridis" })).toThrow(
      "Did you mean viridis?",
    );
    expect(() => colourise(wave(2, 2), { range: [1, 0] })).toThrow(
      "range: expected a lower and a higher number",
    );
  });
});

describe("overlay", () => {
  const picture = stripes(20);
  const map = wave(5, 5);

  test("mixes picture and colours of the upsampled map", () => {
    const colours = colourise(upsample(map, 20, 20, "cubic"), {
      colourMap: "jet",
      range: map.range,
    });
    const mixed = overlay(picture, map, {
      colourMap: "jet",
      range: map.range,
      upsample: "cubic",
      alpha: 0.25,
    });
    const wanted = picture.data.map((level, i) =>
      Math.round(0.75 * level + 0.25 * colours.data[i]!),
    );
    expect([...mixed.data]).toEqual([...wanted]);
    expect(overlay(picture, map, { alpha: 0 })).toEqual(picture);
  });

  test("wrong options are said", () => {
    expect(() => overlay(picture, map, { alpha: 2 })).toThrow(
      "alpha: expected a number from 0 to 1",
    );
    expect(() => overlay(picture, map, { alphas: 0.2 } as object)).toThrow("Did you mean alpha?");
  });
});
