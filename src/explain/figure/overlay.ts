/** @file Maps in colours, alone and over pictures. */
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import { checkOptions } from "../../base/options.ts";
import { type Picture, checkPicture } from "../../models/images/picture.ts";
import { type ColourMapName, colourTable, isDiverging } from "./colour-maps.ts";
import { type HeatMap, type Range, checkMap, rangeOf } from "./heat-map.ts";
import { type Upsampling, upsample } from "./upsample.ts";

/** How values become colours. */
export interface ColourOptions {
  /** "inferno" unless given, and "rdbu" for maps with negative values. */
  readonly colourMap?: ColourMapName;
  /** The values that the first and the last colour stand for: the map's extremes unless given, around zero for "rdbu". */
  readonly range?: Range;
}

/** Options of `overlay`. */
export interface OverlayOptions extends ColourOptions {
  /** How much of the map is seen: 0.5 unless given. */
  readonly alpha?: number;
  /** How the map gets the size of the picture: "bilinear" unless given. */
  readonly upsample?: Upsampling;
}

/** The colour map that suits some maps: for signed values if there are negative ones. */
export function suitingColourMap(maps: readonly HeatMap[]): ColourMapName {
  return rangeOf(maps)[0] < 0 ? "rdbu" : "inferno";
}

/**
 * A map in colours, one pixel a value. A value of the 256th part k of the range has the kth colour, those beyond it have the outer
 * ones, as in matplotlib. A map of one value only has the lowest colour. ArgumentError for values that are not finite.
 */
export function colourise(map: HeatMap, options: ColourOptions = {}): Picture {
  checkOptions("colourise", options, ["colourMap", "range"]);
  checkMap("colourise", map);
  const { colourMap = suitingColourMap([map]) } = options;
  const table = colourTable(colourMap);
  const [low, high] = checkedRange(options.range ?? rangeOf([map], isDiverging(colourMap)));
  const [height, width] = map.shape as [number, number];
  const data = new Uint8Array(3 * width * height);
  for (let i = 0; i < map.values.length; i++) {
    const part = high > low ? (map.values[i]! - low) / (high - low) : 0;
    const step = Math.min(Math.max(Math.floor(256 * part), 0), 255);
    for (let c = 0; c < 3; c++) data[3 * i + c] = table[3 * step + c]!;
  }
  return { width, height, data };
}

/** The picture with a map over it, of the picture's size. Throws ArgumentError for options that make no sense. */
export function overlay(picture: Picture, map: HeatMap, options: OverlayOptions = {}): Picture {
  checkOptions("overlay", options, ["colourMap", "range", "alpha", "upsample"]);
  checkPicture("overlay", picture);
  const { alpha = 0.5, upsample: method, ...colours } = options;
  if (!(alpha >= 0 && alpha <= 1))
    throw new ArgumentError(complaint("overlay: alpha", "a number from 0 to 1", describe(alpha)));
  const { width, height } = picture;
  const coloured = colourise(upsample(map, height, width, method), {
    colourMap: suitingColourMap([map]),
    ...colours,
  });
  const data = new Uint8Array(coloured.data.length);
  for (let i = 0; i < data.length; i++)
    data[i] = Math.round(picture.data[i]! + alpha * (coloured.data[i]! - picture.data[i]!));
  return { width, height, data };
}

function checkedRange(range: Range): Range {
  const [low, high] = range;
  if (Number.isFinite(low) && Number.isFinite(high) && low <= high) return range;
  throw new ArgumentError(
    complaint("range", "a lower and a higher number", `${describe(low)} and ${describe(high)}`),
  );
}
