/** @file Figures: panels side by side, each a picture with a map over it, under titles and beside a colour bar. */
import { ArgumentError, complaint, describe } from "../../ir/errors.ts";
import { checkOptions } from "../../ir/options.ts";
import { type Picture, checkPicture } from "../../models/images/picture.ts";
import { resize } from "../../models/images/resize.ts";
import { type BarPlace, colourBar } from "./colour-bar.ts";
import { type ColourMapName, isDiverging } from "./colour-maps.ts";
import { type HeatMap, type Range, checkMap, rangeOf } from "./heat-map.ts";
import { type OverlayOptions, colourise, overlay, suitingColourMap } from "./overlay.ts";
import { drawing, element, image, label } from "./svg.ts";
import { ink, type } from "./theme.ts";
import { type Upsampling, upsample } from "./upsample.ts";

/** A panel before it is drawn. */
export interface Panel {
  readonly title: string;
  /** A second line, quieter: a class and its probability, say. */
  readonly subtitle?: string;
  /** What the map lies over; the figure's picture unless given. */
  readonly picture?: Picture;
  /** Without one the panel is the picture alone. */
  readonly map?: HeatMap;
}

/** Options of `figure`. */
export interface FigureOptions extends OverlayOptions {
  readonly title?: string;
  readonly subtitle?: string;
  /** The picture of panels that have none of their own; panels without any show their map alone. */
  readonly picture?: Picture;
  /** Panels in a row: all of them up to four, unless given. */
  readonly columns?: number;
  /**
   * "shared" (unless given): equal colours mean equal values in all panels, which suits maps of one method; "own": every panel has the
   * range of its own map and a colour bar, which suits methods that measure different things.
   */
  readonly scale?: "shared" | "own";
}

const optionNames = ["title", "subtitle", "picture", "columns", "scale"].concat([
  "colourMap",
  "range",
  "alpha",
  "upsample",
]);

/** Logical pixels. */
const layout = { margin: 24, gap: 20, panel: 280, smallPanel: 220, bar: 12, barRoom: 68 } as const;
/** Pixels of the longer side of what a panel holds: twice its logical ones, and enough that small pictures stay sharp. */
const mostPixels = 560;
const fewestPixels = 224;

/**
 * A figure as SVG text, the same for the same input everywhere; `svgToPng` makes a PNG file of it. A map whose method found nothing
 * positive is not drawn as if it were merely empty: its panel says so. Throws ArgumentError for panels and options that make no sense.
 */
export function figure(panels: readonly Panel[], options: FigureOptions = {}): string {
  checkOptions("figure", options, optionNames);
  const { title, subtitle, columns = Math.min(panels.length, 4), scale = "shared" } = options;
  if (panels.length === 0)
    throw new ArgumentError(complaint("figure", "one panel or more", "none"));
  if (!Number.isSafeInteger(columns) || columns < 1)
    throw new ArgumentError(
      complaint("figure: columns", "a whole number, 1 or more", describe(columns)),
    );
  if (scale !== "shared" && scale !== "own")
    throw new ArgumentError(complaint("figure: scale", '"shared" or "own"', describe(scale)));
  const contents = panels.map((panel) => prepare(panel, options));
  const paint = painter(contents, options, scale);
  const { margin, gap, bar, barRoom } = layout;
  const width = columns > 3 ? layout.smallPanel : layout.panel;
  const hasBar = scale === "shared" && contents.some(({ map }) => map !== undefined);
  const inner = columns * width + (columns - 1) * gap;
  const full = 2 * margin + inner + (hasBar ? gap + bar + barRoom - margin : 0);
  const parts: string[] = [];
  let y = margin;
  for (const [text, size, weight, fill] of [
    [title, type.title, 600, ink.text],
    [subtitle, type.text, 400, ink.quiet],
  ] as const) {
    if (text === undefined) continue;
    y += size;
    const style = { "font-size": size, "font-weight": weight, fill };
    parts.push(label(shortened(text, full - 2 * margin, size), { x: margin, y, ...style }));
    y += 7;
  }
  if (y > margin) y += 9;
  for (let start = 0; start < panels.length; start += columns) {
    const row = contents.slice(start, start + columns);
    const captions = row.map((content) => caption(content, width));
    const captionHeight = Math.max(...captions.map((lines) => lines.length)) * 18;
    const height = Math.max(...row.map(({ aspect }) => width * aspect));
    for (const [column, content] of row.entries()) {
      const x = margin + column * (width + gap);
      for (const [line, [text, attributes]] of captions[column]!.entries())
        parts.push(label(text, { x, y: y + 13 + 18 * line, ...attributes }));
      parts.push(...drawPanel(content, paint, x, y + captionHeight + 4, width));
    }
    y += captionHeight + 4;
    if (hasBar && start === 0) {
      const x = margin + row.length * (width + gap);
      const place = { x, y, width: bar, height, upright: true };
      parts.push(...colourBar(paint.colourMap, paint.range!, place));
    }
    y += height + gap + (scale === "own" ? 24 : 0);
  }
  const name = title ?? panels.map((panel) => panel.title).join(", ");
  return drawing(name, Math.ceil(full), Math.ceil(y + margin - gap), parts);
}

/** A panel with all that its drawing needs. */
interface Content {
  readonly panel: Panel;
  readonly picture: Picture | undefined;
  /** Of the size of the picture, if there is one. */
  readonly map: HeatMap | undefined;
  /** Height over width. */
  readonly aspect: number;
}

function prepare(panel: Panel, options: FigureOptions): Content {
  const given = panel.picture ?? options.picture;
  if (given !== undefined) checkPicture(`figure: ${panel.title}`, given);
  if (panel.map !== undefined) checkMap(`figure: ${panel.title}`, panel.map);
  if (given === undefined && panel.map === undefined)
    throw new ArgumentError(complaint(`figure: ${panel.title}`, "a picture or a map", "neither"));
  const [rows, columns] = given ? [given.height, given.width] : (panel.map!.shape as number[]);
  const longer = Math.max(rows!, columns!);
  // Small pictures keep square pixels; large ones are averaged.
  const factor =
    longer < fewestPixels ? Math.ceil(fewestPixels / longer) : Math.min(1, mostPixels / longer);
  const [height, width] = [rows!, columns!].map((n) => Math.max(1, Math.round(n * factor)));
  const picture = given && resize(given, width!, height!, factor < 1 ? "bilinear" : "nearest");
  const method: Upsampling = options.upsample ?? (given ? "bilinear" : "nearest");
  const map = panel.map && upsample(panel.map, height!, width!, method);
  return { panel, picture, map, aspect: height! / width! };
}

interface Painter {
  readonly colourMap: ColourMapName;
  /** Of all panels; undefined where each has its own. */
  readonly range: Range | undefined;
  readonly alpha: number | undefined;
}

function painter(
  contents: readonly Content[],
  { colourMap, range, alpha }: FigureOptions,
  scale: "shared" | "own",
): Painter {
  const maps = contents.flatMap(({ map }) => (map && !map.allNonPositive ? [map] : []));
  // Overshoots of a spline are no signed values: what counts are the maps as they were given.
  const given = contents.flatMap(({ panel: { map } }) => (map ? [map] : []));
  const chosen = colourMap ?? suitingColourMap(given);
  const all = maps.length === 0 ? given : maps;
  const shared = all.length === 0 ? undefined : rangeOf(all, isDiverging(chosen));
  return { colourMap: chosen, range: range ?? (scale === "shared" ? shared : undefined), alpha };
}

/** The lines above a panel and how they look. */
function caption(
  { panel: { title, subtitle } }: Content,
  width: number,
): [string, Readonly<Record<string, string | number>>][] {
  const strong = { "font-size": type.text, "font-weight": 600, fill: ink.text };
  const quiet = { "font-size": type.small, fill: ink.quiet };
  return [
    ...(title === "" ? [] : [[shortened(title, width, type.text), strong] as const]),
    ...(subtitle === undefined ? [] : [[shortened(subtitle, width, type.small), quiet] as const]),
  ].map(([text, attributes]) => [text, attributes]);
}

/** A text that fits, roughly: nothing here can measure type. Layers' names differ at their ends, so the middle is left out. */
function shortened(text: string, width: number, size: number): string {
  const letters = [...text];
  const most = Math.floor(width / (0.56 * size));
  if (letters.length <= most) return text;
  const half = Math.floor((most - 1) / 2);
  return `${letters.slice(0, half).join("")}…${letters.slice(-half).join("")}`;
}

function drawPanel(
  { panel, picture, map, aspect }: Content,
  { colourMap, range, alpha }: Painter,
  x: number,
  y: number,
  width: number,
): string[] {
  const height = width * aspect;
  const frame = { fill: "none", stroke: ink.line, "stroke-width": 0.5 };
  const edge = element("rect", { x, y, width, height, ...frame });
  if (map === undefined) return [image(picture!, x, y, width, height), edge];
  if (panel.map!.allNonPositive) return emptyPanel(picture, x, y, width, height);
  const own = range ?? rangeOf([map], isDiverging(colourMap));
  const colours = { colourMap, range: own };
  const seen =
    picture === undefined
      ? colourise(map, colours)
      : overlay(picture, map, { ...colours, ...(alpha === undefined ? {} : { alpha }) });
  const place: BarPlace = { x, y: y + height + 6, width, height: 6, upright: false };
  return [
    image(seen, x, y, width, height),
    edge,
    ...(range === undefined ? colourBar(colourMap, own, place) : []),
  ];
}

/** What is shown of a map without positive values: the picture, paled, and a word about it. */
function emptyPanel(
  picture: Picture | undefined,
  x: number,
  y: number,
  width: number,
  height: number,
): string[] {
  const middle = { x: x + width / 2, "font-size": type.small, "text-anchor": "middle" };
  return [
    ...(picture ? [image(picture, x, y, width, height)] : []),
    element("rect", { x, y, width, height, fill: ink.paper, opacity: picture ? 0.72 : 0 }),
    element("rect", { x, y, width, height, fill: "none", stroke: ink.line, "stroke-width": 1 }),
    label("No positive evidence", {
      ...middle,
      y: y + height / 2 - 4,
      "font-weight": 600,
      fill: ink.warning,
    }),
    label("every value of the map was 0 or less", {
      ...middle,
      y: y + height / 2 + 14,
      fill: ink.text,
    }),
  ];
}
