/** @file Colours of maps: tables of 256 colours, maps in colours, maps over pictures. */
import {
  interpolateInferno,
  interpolateMagma,
  interpolatePlasma,
  interpolateRdBu,
  interpolateViridis,
} from "d3-scale-chromatic";
import { between, kind, oneOf } from "../../base/kinds.ts";
import { type OptionsOf, optional, schema } from "../../base/options.ts";
import { type Picture, checkPicture } from "../../models/images/picture.ts";
import { type ColourMapName, mapSpec, upsamplings } from "../options.ts";
import { type HeatMap, type Range, checkMap, rangeOf, upsample } from "./heat-map.ts";

/** Red, green and blue of 256 steps from the smallest to the largest value. */
type ColourTable = Uint8Array;

/**
 * Inferno, viridis, magma and plasma (Smith and van der Walt 2015) are perceptually uniform: equal differences look equal, in
 * grey too. Jet, a rainbow, is for comparison with older figures. RdBu (Brewer 2003), from blue through white to red, is for
 * signed values.
 */
const makers: Readonly<Record<ColourMapName, () => ColourTable>> = {
  inferno: () => sampled(interpolateInferno),
  viridis: () => sampled(interpolateViridis),
  magma: () => sampled(interpolateMagma),
  plasma: () => sampled(interpolatePlasma),
  jet: () => jet(),
  rdbu: () => sampled((t) => interpolateRdBu(1 - t)),
};

/** Whether the middle of a colour map stands for zero. */
export const isDiverging = (name: ColourMapName): boolean => name === "rdbu";

const made = new Map<ColourMapName, ColourTable>();

/** The table of a colour map, shared by all callers. */
export function colourTable(name: ColourMapName): ColourTable {
  const known = made.get(name);
  if (known !== undefined) return known;
  const table = makers[name]();
  made.set(name, table);
  return table;
}

/** 256 colours of a function that gives them as "#rrggbb" or "rgb(r, g, b)". */
function sampled(colour: (t: number) => string): ColourTable {
  const table = new Uint8Array(3 * 256);
  for (let step = 0; step < 256; step++) {
    const text = colour(step / 255);
    const parts = text.startsWith("#")
      ? (text.match(/[\da-f]{2}/g) ?? []).map((part) => Number.parseInt(part, 16))
      : (text.match(/\d+/g) ?? []).map(Number);
    table.set(parts.slice(0, 3), 3 * step);
  }
  return table;
}

const colourSpec = {
  colourMap: mapSpec.colourMap,
  range: optional(
    kind<Range>(
      "a lower and a higher number",
      (given) =>
        Array.isArray(given) &&
        given.length === 2 &&
        given.every(Number.isFinite) &&
        given[0] <= given[1],
    ),
    undefined,
    "Values of the first and the last colour; the map's extremes unless given, symmetric around zero for rdbu.",
  ),
};
const colourOptions = schema(colourSpec);

/** Options of `colourise`. */
export type ColourOptions = OptionsOf<typeof colourSpec>;

/** Every option of `overlay`: type, default, check and help. */
export const overlayOptions = schema({
  ...colourSpec,
  alpha: optional(between(0, 1), 0.5, "Opacity of the map."),
  upsample: optional(
    oneOf(upsamplings),
    "bilinear",
    `How the map gets the size of the picture: ${upsamplings.join(", ")}.`,
  ),
});

/** Options of `overlay`. */
export type OverlayOptions = OptionsOf<typeof overlayOptions.spec>;

/** The colour map that suits some maps: one for signed values if some are negative. */
export function suitingColourMap(maps: readonly HeatMap[]): ColourMapName {
  return rangeOf(maps)[0] < 0 ? "rdbu" : "inferno";
}

/**
 * A map in colours, one pixel for each value. A value in the kth of 256 equal parts of the range has the kth colour, values
 * beyond the range have the outer ones, as in matplotlib. A constant map has the lowest colour. Throws ArgumentError for wrong
 * options and for values that are not finite.
 */
export function colourise(map: HeatMap, options: ColourOptions = {}): Picture {
  const { colourMap = suitingColourMap([map]), range } = colourOptions.read("colourise", options);
  checkMap("colourise", map);
  return coloured(map, colourMap, range ?? rangeOf([map], isDiverging(colourMap)));
}

function coloured(map: HeatMap, colourMap: ColourMapName, [low, high]: Range): Picture {
  const table = colourTable(colourMap);
  const [height, width] = map.shape as [number, number];
  const data = new Uint8Array(3 * width * height);
  for (let i = 0; i < map.values.length; i++) {
    const part = high > low ? (map.values[i]! - low) / (high - low) : 0;
    const step = Math.min(Math.max(Math.floor(256 * part), 0), 255);
    for (let c = 0; c < 3; c++) data[3 * i + c] = table[3 * step + c]!;
  }
  return { width, height, data };
}

/**
 * A picture under a map that is enlarged to its size. Throws ArgumentError for wrong options, and for values that are not
 * finite.
 */
export function overlay(picture: Picture, map: HeatMap, options: OverlayOptions = {}): Picture {
  const settings = overlayOptions.read("overlay", options);
  checkPicture("overlay", picture);
  const { width, height } = picture;
  const { alpha, colourMap = suitingColourMap([map]) } = settings;
  const large = upsample(map, height, width, settings.upsample);
  const range = settings.range ?? rangeOf([large], isDiverging(colourMap));
  const { data } = coloured(large, colourMap, range);
  for (let i = 0; i < data.length; i++)
    data[i] = Math.round(picture.data[i]! + alpha * (data[i]! - picture.data[i]!));
  return { width, height, data };
}

/** The colour map jet: each channel's values at some positions, linear between them (matplotlib/_cm.py: _jet_data). */
const jetChannels: readonly (readonly (readonly [at: number, value: number])[])[] = [
  [
    [0, 0],
    [0.35, 0],
    [0.66, 1],
    [0.89, 1],
    [1, 0.5],
  ],
  [
    [0, 0],
    [0.125, 0],
    [0.375, 1],
    [0.64, 1],
    [0.91, 0],
    [1, 0],
  ],
  [
    [0, 0.5],
    [0.11, 1],
    [0.34, 1],
    [0.65, 0],
    [1, 0],
  ],
];

/** The 256 colours of jet, equal to matplotlib's, which truncates levels. */
function jet(): Uint8Array {
  const table = new Uint8Array(3 * 256);
  for (let step = 0; step < 256; step++)
    for (const [channel, places] of jetChannels.entries()) {
      // In units of steps and in matplotlib's order of operations, which decides the last level.
      const x = 255 * (step * (1 / 255));
      const next = Math.max(
        1,
        places.findIndex(([at]) => 255 * at >= x),
      );
      const [[from, low], [to, high]] = [places[next - 1]!, places[next]!];
      const part = (x - 255 * from) / (255 * to - 255 * from);
      table[3 * step + channel] = Math.trunc(255 * (part * (high - low) + low));
    }
  return table;
}
