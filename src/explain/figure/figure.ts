/** @file Figures: panels side by side under titles, each a picture, a map, or a map over a picture, with colour bars. */
import { ArgumentError, complaint } from "../../base/errors.ts";
import { count, kind, oneOf } from "../../base/kinds.ts";
import { type OptionsOf, optional, schema } from "../../base/options.ts";
import { type Picture, checkPicture } from "../../models/images/picture.ts";
import { resize } from "../../models/images/resize.ts";
import { type ColourMapName, type Upsampling, mapSpec } from "../options.ts";
import {
  colourTable,
  colourise,
  isDiverging,
  overlay,
  overlayOptions,
  suitingColourMap,
} from "./colours.ts";
import { type HeatMap, type Range, checkMap, isBlank, rangeOf, upsample } from "./heat-map.ts";
import { drawing, element, image, ink, label, shortened, type, words } from "./svg.ts";

/** Every option of `figure`: type, default, check and help. */
export const figureOptions = schema({
  ...overlayOptions.spec,
  upsample: mapSpec.upsample,
  title: optional(words, undefined, "Title of the figure."),
  subtitle: optional(words, undefined, "A second line under the title."),
  picture: optional(
    kind<Picture>("a picture", (given) => typeof given === "object" && given !== null),
    undefined,
    "The picture of panels that have none of their own.",
  ),
  columns: optional(
    count,
    undefined,
    "Panels in a row; all of them, but at most four, unless given.",
  ),
  scale: optional(
    oneOf(["shared", "own"]),
    "shared",
    "Whether equal colours mean equal values in all panels, which suits maps of one method, or every panel has its own range and colour bar.",
  ),
});

/** Options of `figure`. */
export type FigureOptions = OptionsOf<typeof figureOptions.spec>;

/** A panel of a figure. */
export interface Panel {
  readonly title: string;
  /** A second line in grey: a class and its probability, say. */
  readonly subtitle?: string;
  /** The picture that the map is drawn over; the figure's picture unless given. */
  readonly picture?: Picture;
  /** Without a map the panel is the picture alone. */
  readonly map?: HeatMap;
}

/** Logical pixels. */
const layout = { margin: 24, gap: 20, panel: 280, smallPanel: 220, bar: 12, barRoom: 68 } as const;

/**
 * A figure as SVG text, the same text for the same input everywhere; `svgToPng` turns it into a PNG file. The panel of a map
 * without positive values says so instead of looking empty. Throws ArgumentError for wrong options and for panels without a
 * picture or a map.
 */
export function figure(panels: readonly Panel[], options: FigureOptions = {}): string {
  const settings = figureOptions.read("figure", options);
  if (panels.length === 0)
    throw new ArgumentError(complaint("figure", "one panel or more", "none"));
  const { title, subtitle, columns = Math.min(panels.length, 4), scale } = settings;
  const isShared = scale === "shared" || settings.range !== undefined;
  const prepared = panels.map((panel) => prepare(panel, settings.picture, settings.upsample));
  const common = paint(prepared, settings, false);
  const hasBar = isShared && prepared.some(({ map }) => map !== undefined);

  const { margin, gap, bar, barRoom } = layout;
  const width = columns > 3 ? layout.smallPanel : layout.panel;
  const inner = columns * width + (columns - 1) * gap;
  const full = 2 * margin + inner + (hasBar ? gap + bar + barRoom - margin : 0);
  const [parts, top] = heads(title, subtitle, full);
  let y = top;
  for (let start = 0; start < panels.length; start += columns) {
    const row = prepared.slice(start, start + columns);
    const lines = row.some(({ panel }) => panel.subtitle !== undefined) ? 2 : 1;
    const height = Math.max(...row.map(({ extent }) => width * extent[1]));
    const below = y + 18 * lines + 4;
    for (const [column, one] of row.entries()) {
      const x = margin + column * (width + gap);
      const how = isShared ? common : paint([one], settings, true);
      parts.push(...caption(one.panel, x, y + 13, width), ...drawPanel(one, how, x, below, width));
    }
    if (hasBar && start === 0) {
      const place = { x: margin + row.length * (width + gap), y: below, width: bar, height };
      parts.push(...colourBar(common.colourMap, common.range, { ...place, upright: true }));
    }
    y = below + height + gap + (isShared ? 0 : 24);
  }
  const name = title ?? panels.map((panel) => panel.title).join(", ");
  return drawing(name, Math.ceil(full), Math.ceil(y + margin - gap), parts);
}

/** The figure's titles, and the y at which the panels begin. */
function heads(
  title: string | undefined,
  subtitle: string | undefined,
  width: number,
): [string[], number] {
  const { margin } = layout;
  const parts: string[] = [];
  let y: number = margin;
  for (const [text, size, weight, fill] of [
    [title, type.title, 600, ink.text],
    [subtitle, type.text, 400, ink.quiet],
  ] as const) {
    if (text === undefined) continue;
    y += size;
    const style = { x: margin, y, "font-size": size, "font-weight": weight, fill };
    parts.push(label(shortened(text, width - 2 * margin, size), style));
    y += 7;
  }
  return [parts, parts.length === 0 ? y : y + 9];
}

/** The colours of panels that share them. */
function paint(
  prepared: readonly Prepared[],
  {
    colourMap,
    range,
    alpha,
  }: Pick<ReturnType<typeof figureOptions.read>, "colourMap" | "range" | "alpha">,
  bar: boolean,
): Paint {
  // A spline may overshoot below zero, so whether a map is signed is seen in what was given.
  const given = prepared.flatMap(({ panel }) => panel.map ?? []);
  const chosen = colourMap ?? suitingColourMap(given);
  const drawn = prepared.filter(({ panel }) => panel.map !== undefined && !isBlank(panel.map));
  const maps = (drawn.length > 0 ? drawn : prepared).flatMap(({ map }) => map ?? []);
  const extent = rangeOf(maps, isDiverging(chosen));
  return { colourMap: chosen, range: range ?? extent, alpha, bar };
}

/** A panel whose picture and map have the pixels that are drawn. */
interface Prepared {
  readonly panel: Panel;
  readonly picture: Picture | undefined;
  readonly map: HeatMap | undefined;
  /** Width and height of the drawing, as multiples of the panel's width. */
  readonly extent: readonly [width: number, height: number];
}

/** How a panel's map becomes colours. */
interface Paint {
  readonly colourMap: ColourMapName;
  readonly range: Range;
  readonly alpha: number;
  /** Whether the panel has its own colour bar. */
  readonly bar: boolean;
}

/** Pixels of the longer side of a panel's picture: twice the logical ones, and enough that small pictures stay sharp. */
const mostPixels = 560;
const fewestPixels = 224;
/**
 * The greatest height of a panel, as a multiple of its width. Taller pictures are drawn narrower, so that a picture one pixel
 * wide does not make an endless figure.
 */
const tallest = 3;

/**
 * Brings picture and map to one size: small pictures keep square pixels, large ones are averaged. Throws ArgumentError if a
 * panel has neither.
 */
function prepare(
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

/** The lines above a panel. The first one has its baseline at y. */
function caption({ title, subtitle }: Panel, x: number, y: number, width: number): string[] {
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

/** The panel without its caption, at most `room` logical pixels wide. */
function drawPanel(
  { panel, picture, map, extent }: Prepared,
  { colourMap, range, alpha, bar }: Paint,
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

/** What is drawn in place of a map without positive values: the picture, paled, and a line of text. */
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

/** Position of a bar, and the direction in which its values grow: up, or to the right. */
interface BarPlace {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly upright: boolean;
}

/** A number as readers expect it: three digits, a power of ten for very large and small ones, a real minus sign. */
function number(value: number): string {
  const magnitude = Math.abs(value);
  const extreme = magnitude !== 0 && (magnitude >= 1e5 || magnitude < 1e-3);
  const text = extreme ? value.toExponential(1) : String(Number(value.toPrecision(3)));
  return text.replaceAll("-", "\u2212").replace("e+", "e");
}

/** A bar of all colours with numbers at its ends, and at zero if that is well between them. */
function colourBar(
  colourMap: ColourMapName,
  [low, high]: Range,
  { x, y, width, height, upright }: BarPlace,
): string[] {
  const table = colourTable(colourMap);
  const bar: Picture = upright
    ? {
        width: 1,
        height: 256,
        data: table.map((_, i) => table[3 * (255 - Math.floor(i / 3)) + (i % 3)]!),
      }
    : { width: 256, height: 1, data: table };
  const zero = (0 - low) / (high - low);
  const ticks: [at: number, value: number][] = [[0, low]];
  if (high > low) ticks.push([1, high]);
  if (zero > 0.12 && zero < 0.88) ticks.push([zero, 0]);
  return [
    image(bar, x, y, width, height),
    element("rect", { x, y, width, height, fill: "none", stroke: ink.line, "stroke-width": 0.5 }),
    ...ticks.map(([at, value]) => {
      const style = { "font-size": type.small, fill: ink.quiet };
      if (upright)
        return label(number(value), {
          ...style,
          x: x + width + 6,
          y: y + (1 - at) * (height - 8) + 8,
        });
      const anchor = at === 0 ? "start" : at === 1 ? "end" : "middle";
      return label(number(value), {
        ...style,
        x: x + at * width,
        y: y + height + 14,
        "text-anchor": anchor,
      });
    }),
  ];
}
