/** @file The figure of GradCAM-Keras against matplotlib's pixels (test/golden/figures.json). */
import { describe, expect, test } from "vitest";
import { originalFigure, svgToPng } from "../../src/explain/index.ts";
import { decodeImage } from "../../src/models/index.ts";
import { golden, stripes, wave } from "../support/figure-golden.ts";

const titles = { classIndex: 3, className: "kitten", layer: "block5_conv4" };
/** The golden file has every 13th pixel of every 13th row. */
const step = 13;

describe("the original's figure", async () => {
  const svg = originalFigure(stripes(224), wave(14, 14), titles);
  const { width, height, data } = decodeImage(await svgToPng(svg, { zoom: 1 }));
  const wanted = Buffer.from(golden.pixels, "base64");
  const [rows, columns] = golden.shape;

  test("has its size and its titles", () => {
    expect([width, height]).toEqual([2100, 1200]);
    for (const text of ["Original image", "3th dimension (kitten)", "w.r.t layer block5_conv4"])
      expect(svg).toContain(`>${text}</text>`);
  });

  // matplotlib mixes the map's colours with the picture's in fixed point.
  test("has matplotlib's pixels on the left, and on the right to two levels", () => {
    const most = [0, 0];
    let compared = 0;
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) {
        const [y, x] = [row * step, column * step];
        // Above the panels are the titles, in another type face.
        if (y < Math.floor(golden.panels[0]![1])) continue;
        compared++;
        for (let c = 0; c < 3; c++) {
          const found = data[3 * (y * width + x) + c]!;
          const error = Math.abs(found - wanted[3 * (row * columns + column) + c]!);
          const half = x < width / 2 ? 0 : 1;
          most[half] = Math.max(most[half]!, error);
        }
      }
    expect(compared).toBeGreaterThan(13_000);
    expect(most).toEqual([0, 2]);
  });

  test("is for square pictures", () => {
    const oblong = { width: 2, height: 1, data: new Uint8Array(6) };
    expect(() => originalFigure(oblong, wave(2, 2), titles)).toThrow("a square picture, got 2 x 1");
  });
});
