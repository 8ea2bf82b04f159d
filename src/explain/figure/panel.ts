/** @file One panel of a figure: a picture, a map, or a map over a picture, with its caption. */
import { ArgumentError, complaint } from "../../base/errors.ts";
import { type Picture, checkPicture } from "../../models/images/picture.ts";
import { resize } from "../../models/images/resize.ts";
import { colourBar } from "./colour-bar.ts";
import type { ColourMapName } from "./colour-maps.ts";
import { type HeatMap, type Range, checkMap, isBlank } from "./heat-map.ts";
import { colourise, overlay } from "./overlay.ts";
import { element, image, label, shortened } from "./svg.ts";
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

/** A panel whose picture and map have the pixels that are drawn. */
export interface Prepared {
  readonly panel: Panel;
  readonly picture: Picture | undefined;
  readonly map: HeatMap | undefined;
  /** Width and height of what is drawn, in widths of the panel. */
  readonly extent: readonly [width: number, height: number];
}

/** How a panel's map becomes colours. */
export interface Paint {
  readonly colourMap: ColourMapName;
  readonly range: Range;
  readonly alpha: number | undefined;
  /** Whether the panel has a colour bar of its own. */
  readonly bar: boolean;
}

/** Pixels of the longer side of what a panel holds: twice its logical ones, and enough that small pictures stay sharp. */
const mostPixels = 560;
const fewestPixels = 224;
/** Height of a panel in its widths: what is taller is drawn narrower, or a picture one pixel wide would make figures without end. */
const tallest = 3;

/** Brings picture and map to one size: small pictures keep square pixels, large ones are averaged. ArgumentError for neither. */
export function prepare(
  panel: Panel,
  common: Picture | undefined,
  method: Upsampling | undefined,
): Prepared {
  const who = `figure: ${panel.title}`;
  const given = panel.picture ?? common;
  if (given !== undefined) checkPicture(who, given);
  if (panel.map !== undefined) checkMap(who, panel.map);
  if (given === undefined && panel.map === undefined)
    throw new ArgumentError(complaint(who, "a picture or a map", "neither"));
  const [rows, columns] = given ? [given.height, given.width] : (panel.map!.shape as number[]);
  const longer = Math.max(rows!, columns!);
  const factor =
    longer < fewestPixels ? Math.ceil(fewestPixels / longer) : Math.min(1, mostPixels / longer);
  const [height, width] = [rows!, columns!].map((n) => Math.max(1, Math.round(n * factor)));
  const how = method ?? (given ? "bilinear" : "nearest");
  const tall = Math.min(tallest, height! / width!);
  return {
    panel,
    picture: given && resize(given, width!, height!, factor < 1 ? "bilinear" : "nearest"),
    map: panel.map && upsample(panel.map, height!, width!, how),
    extent: [(tall * width!) / height!, tall],
  };
}

/** The lines above a panel, as elements whose first has its baseline at y. */
export function caption({ title, subtitle }: Panel, x: number, y: number, width: number): string[] {
  const lines = [
    label(shortened(title, width, type.text), {
      x,
      y,
      "font-size": type.text,
      "font-weight": 600,
      fill: ink.text,
    }),
  ];
  if (subtitle !== undefined)
    lines.push(
      label(shortened(subtitle, width, type.small), {
        x,
        y: y + 18,
        "font-size": type.small,
        fill: ink.quiet,
      }),
    );
  return lines;
}

/** The panel itself, at most `room` logical pixels wide. */
export function drawPanel(
  { panel, picture, map, extent }: Prepared,
  { colourMap, range, alpha = 0.5, bar }: Paint,
  x: number,
  y: number,
  room: number,
): string[] {
  const [width, height] = [room * extent[0], room * extent[1]];
  const frame = { fill: "none", stroke: ink.line, "stroke-width": 0.5 };
  const edge = element("rect", { x, y, width, height, ...frame });
  if (map === undefined) return [image(picture!, x, y, width, height), edge];
  if (isBlank(panel.map!)) return [...emptyPanel(picture, x, y, width, height), edge];
  const colours = { colourMap, range };
  const seen = picture ? overlay(picture, map, { ...colours, alpha }) : colourise(map, colours);
  const parts = [image(seen, x, y, width, height), edge];
  const place = { x, y: y + height + 6, width: room, height: 6, upright: false };
  return bar ? [...parts, ...colourBar(colourMap, range, place)] : parts;
}

/** What is shown of a map without positive values: the picture, paled, and a word about it. */
function emptyPanel(
  picture: Picture | undefined,
  x: number,
  y: number,
  width: number,
  height: number,
): string[] {
  const style = { x: x + width / 2, "font-size": type.small, "text-anchor": "middle" };
  const middle = y + height / 2;
  const paled = element("rect", { x, y, width, height, fill: ink.paper, opacity: 0.72 });
  return [
    ...(picture ? [image(picture, x, y, width, height), paled] : []),
    label("No positive evidence", {
      ...style,
      y: middle - 4,
      "font-weight": 600,
      fill: ink.warning,
    }),
    label("every value of the map was 0 or less", { ...style, y: middle + 14, fill: ink.text }),
  ];
}
