/** @file Colour maps: tables of 256 colours. */
import {
  interpolateInferno,
  interpolateMagma,
  interpolatePlasma,
  interpolateRdBu,
  interpolateViridis,
} from "d3-scale-chromatic";
import { checkChoice } from "../../base/options.ts";
import { jet } from "./jet.ts";

/** A colour map: red, green and blue of 256 steps from the least to the greatest value. */
export type ColourTable = Uint8Array;

/** Colour maps by name. */
export type ColourMapName = keyof typeof makers;

/**
 * Inferno, viridis, magma and plasma (Smith and van der Walt 2015) are perceptually uniform: equal differences look equal, in grey
 * too. Jet, a rainbow, is there for parity with older figures. RdBu (Brewer 2003), from blue through white to red, is for signed values.
 */
const makers = {
  inferno: (): ColourTable => sampled(interpolateInferno),
  viridis: (): ColourTable => sampled(interpolateViridis),
  magma: (): ColourTable => sampled(interpolateMagma),
  plasma: (): ColourTable => sampled(interpolatePlasma),
  jet: (): ColourTable => jet(),
  rdbu: (): ColourTable => sampled((t) => interpolateRdBu(1 - t)),
};

/** The names, those to prefer first. */
export const colourMaps: readonly ColourMapName[] = Object.keys(makers) as ColourMapName[];

/** Maps whose middle means zero. */
export const isDiverging = (name: ColourMapName): boolean => name === "rdbu";

const made = new Map<ColourMapName, ColourTable>();

/** The table of a colour map, which is not to be changed. Throws ArgumentError listing the names for one it does not know. */
export function colourTable(name: ColourMapName): ColourTable {
  checkChoice("colourMap", name, colourMaps);
  const known = made.get(name);
  if (known !== undefined) return known;
  const table = makers[name]();
  made.set(name, table);
  return table;
}

/** 256 colours of a function that writes them as "#rrggbb" or "rgb(r, g, b)". */
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
