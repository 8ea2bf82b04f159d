/** @file Colour bars with numbers. */
import type { Picture } from "../../models/images/picture.ts";
import { type ColourMapName, colourTable } from "./colour-maps.ts";
import type { Range } from "./heat-map.ts";
import { element, image, label } from "./svg.ts";
import { ink, type } from "./theme.ts";

/** Where a bar stands, and which way its values grow: up, or to the right. */
export interface BarPlace {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly upright: boolean;
}

/** A number for readers: three digits, powers of ten only for extremes, a real minus sign. */
export function number(value: number): string {
  const magnitude = Math.abs(value);
  const extreme = magnitude !== 0 && (magnitude >= 1e5 || magnitude < 1e-3);
  const text = extreme ? value.toExponential(1) : String(Number(value.toPrecision(3)));
  return text.replaceAll("-", "\u2212").replace("e+", "e");
}

/** A bar of all colours; numbers at its ends, and at zero if that lies well between them. */
export function colourBar(
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
