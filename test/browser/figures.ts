// Figures, a PNG of one, and an animation, as hashes: the same code runs on Node and in the browser.

import { type RasterParts, animate, figure, overlay, svgToPng } from "../../src/explain/index.ts";
import { sha256 } from "./images.ts";

const size = 32;
const picture = {
  width: size,
  height: size,
  data: Uint8Array.from({ length: 3 * size * size }, (_, i) => (i * i) >> 3),
};
const map = { values: [0, 1, 2, 3, -1, 5, 6, 7, 8], shape: [3, 3] };

/** Hashes of a figure as SVG and as PNG, and of an animation. */
export async function figureHashes(parts?: RasterParts): Promise<string[]> {
  const svg = figure([{ title: "one", map }, { title: "two" }], { picture, upsample: "spline3" });
  const png = await svgToPng(svg, parts === undefined ? {} : { parts });
  const frames = (["viridis", "jet"] as const).map((colourMap) => ({
    picture: overlay(picture, map, { colourMap, upsample: "cubic" }),
  }));
  const all = [new TextEncoder().encode(svg), png, animate(frames)];
  return Promise.all(all.map((bytes) => sha256(bytes as Uint8Array<ArrayBuffer>)));
}
