/**
 * @file The figure of the program GradCAM-Keras, pixel by pixel: 7 x 4 inches at 300 dots per inch as matplotlib draws them,
 * the picture in one panel and in the other under its map in jet, without interpolation.
 */
import { type Picture, checkPicture } from "../../models/images/picture.ts";
import { ArgumentError, complaint } from "../../base/errors.ts";
import { whole } from "../../base/kinds.ts";
import { type SettingsOf, required, schema } from "../../base/options.ts";
import { type HeatMap, checkMap, upsample } from "./heat-map.ts";
import { overlay } from "./colours.ts";
import { drawing, image, label, words } from "./svg.ts";

const declared = schema({
  classIndex: required(whole(0), "Number of the class."),
  className: required(words, "Name of the class."),
  layer: required(words, "Name of the layer."),
});

/** What the titles say. */
export type OriginalTitles = SettingsOf<typeof declared.spec>;

/** Pixels. */
const [width, height] = [2100, 1200];
/** subplots_adjust(left=.01, right=.99, bottom=0, top=.96, wspace=.11) of two square panels. */
const side: number = (0.98 * width) / 2.11;
const top: number = 0.04 * height + (0.96 * height - side) / 2;
const lefts: readonly number[] = [0.01 * width, 0.99 * width - side];
/** Type of 12 points with its baseline 6 points above the panels, and a line height of 1.2 times that of DejaVu Sans. */
const [type, baseline, lineHeight] = [50, top - 25, 58];

/**
 * The figure as SVG text of 2100 x 1200 pixels; `svgToPng(svg, { zoom: 1 })` makes the program's PNG file of it. The map is
 * enlarged to the picture's size by scipy's cubic spline, and its colours run from its smallest value, negative or not, to its
 * largest. Panels equal matplotlib's pixels to a level or two; the titles have another type face. Throws ArgumentError for
 * wrong titles, and for pictures that are not square, which the program does not have.
 */
export function originalFigure(picture: Picture, map: HeatMap, titles: OriginalTitles): string {
  checkPicture("originalFigure", picture);
  checkMap("originalFigure", map);
  if (picture.width !== picture.height)
    throw new ArgumentError(
      complaint("originalFigure", "a square picture", `${picture.width} x ${picture.height}`),
    );
  const large = upsample(map, picture.height, picture.width, "spline3");
  const explained = overlay(picture, large, { colourMap: "jet", alpha: 0.5 });
  const { classIndex, className, layer } = declared.read("originalFigure", titles);
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

/** The panel's pixels: each has the colour of the picture's pixel under its centre. */
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
