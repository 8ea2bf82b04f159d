/**
 * @file The figure of the program GradCAM-Keras, pixel by pixel: what matplotlib draws of 7 x 4 inches at 300 dots an inch, two panels,
 * the picture and the picture under its map in jet, without interpolation.
 */
import { type Picture, checkPicture } from "../../models/images/picture.ts";
import { ArgumentError, complaint } from "../../base/errors.ts";
import { checkOptions } from "../../base/options.ts";
import { type HeatMap, checkMap } from "./heat-map.ts";
import { overlay } from "./overlay.ts";
import { drawing, image, label } from "./svg.ts";
import { upsample } from "./upsample.ts";

/** What the titles say. */
export interface OriginalTitles {
  readonly classIndex: number;
  readonly className: string;
  readonly layer: string;
}

/** Pixels. */
const [width, height] = [2100, 1200];
/** subplots_adjust(left=.01, right=.99, bottom=0, top=.96, wspace=.11) of two square panels. */
const side: number = (0.98 * width) / 2.11;
const top: number = 0.04 * height + (0.96 * height - side) / 2;
const lefts: readonly number[] = [0.01 * width, 0.99 * width - side];
/** Type of 12 points, its baseline 6 points above the panels; lines 1.2 times DejaVu Sans' height apart. */
const [type, baseline, lineHeight] = [50, top - 25, 58];

/**
 * The figure as SVG text of 2100 x 1200 pixels; `svgToPng(svg, { zoom: 1 })` makes the program's PNG file of it. The map is brought
 * to the picture's size by scipy's cubic spline, and its colours run from its least value, negative or not, to its greatest. Panels
 * are matplotlib's pixels to a level or two; the titles are set in another type face. Throws ArgumentError for pictures that are not
 * square, which the program never has.
 */
export function originalFigure(picture: Picture, map: HeatMap, titles: OriginalTitles): string {
  checkPicture("originalFigure", picture);
  checkMap("originalFigure", map);
  checkOptions("originalFigure", titles, ["classIndex", "className", "layer"]);
  if (picture.width !== picture.height)
    throw new ArgumentError(
      complaint("originalFigure", "a square picture", `${picture.width} x ${picture.height}`),
    );
  const large = upsample(map, picture.height, picture.width, "spline3");
  const explained = overlay(picture, large, { colourMap: "jet", alpha: 0.5 });
  const { classIndex, className, layer } = titles;
  const heads = [
    ["", "Original image"],
    [`${classIndex}th dimension (${className})`, `w.r.t layer ${layer}`],
  ];
  const parts = [picture, explained].flatMap((shown, panel) => {
    const left = lefts[panel]!;
    const [x, y] = [Math.round(left), Math.round(top)];
    const pixels = enlarged(shown, left, x, y);
    return [
      image(pixels, x, y, pixels.width, pixels.height),
      ...heads[panel]!.map((text, line) =>
        label(text, {
          x: left + side / 2,
          y: baseline - (1 - line) * lineHeight,
          "font-size": type,
          "text-anchor": "middle",
        }),
      ),
    ];
  });
  return drawing(`Original image, ${heads[1]!.join(" ")}`, width, height, parts);
}

/** The panel's pixels: each shows what lies under its centre. */
function enlarged(picture: Picture, left: number, x: number, y: number): Picture {
  const scale = picture.width / side;
  const columns = Math.round(left + side) - x;
  const rows = Math.round(top + side) - y;
  const place = (at: number, from: number): number =>
    Math.min(Math.max(Math.floor((at + 0.5 - from) * scale), 0), picture.width - 1);
  const data = new Uint8Array(3 * columns * rows);
  for (let row = 0, to = 0; row < rows; row++)
    for (let column = 0; column < columns; column++, to += 3) {
      const from = 3 * (place(y + row, top) * picture.width + place(x + column, left));
      data.set(picture.data.subarray(from, from + 3), to);
    }
  return { width: columns, height: rows, data };
}
