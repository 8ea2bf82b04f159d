/** @file What all figures share: palette, type face, sizes, tick labels, ranges, axes. */
import { type Markish, axisX, axisY, gridX, gridY } from "@observablehq/plot";

/** A number as a tick label: no thousands separators (years!), a real minus sign, powers for extremes. */
export function tick(value: number): string {
  const magnitude = Math.abs(value);
  const extreme = magnitude !== 0 && (magnitude >= 1e6 || magnitude < 1e-4);
  const exact = Number(value.toPrecision(10));
  const text = extreme ? exact.toExponential() : String(exact);
  return text.replaceAll("-", "\u2212").replace("e+", "e");
}

/** Smallest and largest finite number; [0, 1] if there is none. */
export function extent(values: Iterable<number>): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low <= high ? [low, high] : [0, 1];
}

/**
 * The range of an axis: all observations with room around them, and of the curve as much as keeps the
 * observations readable (a forecast may run away).
 */
export function range(observed: Iterable<number>, curve: Iterable<number>): [number, number] {
  const [low, high] = extent(observed);
  const span = high - low || Math.abs(high) || 1;
  const [curveLow, curveHigh] = extent(curve);
  const from = Math.max(Math.min(low, curveLow), low - 0.6 * span) - 0.06 * span;
  const to = Math.min(Math.max(high, curveHigh), high + 0.6 * span) + 0.06 * span;
  // What never falls below zero (populations, prices) is not drawn as if it could.
  return [low >= 0 && curveLow >= 0 ? Math.max(0, from) : from, to];
}

/** Keeps a value within one span of the axis: anything further out is clipped anyway, and rasterisers choke on it. */
export function near(value: number, [low, high]: readonly [number, number]): number {
  return Math.min(Math.max(value, 2 * low - high), 2 * high - low);
}

/** Room on the left for the tick labels of an axis over `domain`, and its name. */
export function leftMargin([low, high]: readonly [number, number]): number {
  const step = 10 ** Math.floor(Math.log10((high - low) / 4 || 1));
  const labels = [low, high, (low + high) / 2].map((v) => tick(Math.round(v / step) * step));
  return 46 + 7.6 * Math.max(...labels.map((label) => label.length));
}

/** Grid and labelled axes, to be drawn below the data. */
export function axes(
  margin: number,
  x: { readonly label: string | null; readonly ticks?: number | readonly number[] },
  y: { readonly label: string; readonly ticks?: number | readonly number[] },
): Markish[] {
  const [xTicks, yTicks] = [x.ticks ?? 10, y.ticks ?? 6] as [number, number];
  const common = { fontSize: size.font, tickFormat: tick, tickSize: 4, color: ink.quiet };
  return [
    gridX({ stroke: ink.faint, strokeOpacity: 0.7, ticks: xTicks }),
    gridY({ stroke: ink.faint, strokeOpacity: 0.7, ticks: yTicks }),
    axisX({
      ...common,
      ticks: xTicks,
      label: x.label,
      labelAnchor: "center",
      labelArrow: "none",
      labelOffset: 38,
      ...(x.label === null ? { tickFormat: () => "" } : {}),
    }),
    axisY({
      ...common,
      ticks: yTicks,
      label: y.label,
      labelAnchor: "center",
      labelArrow: "none",
      labelOffset: margin - 16,
    }),
  ];
}

/** Okabe and Ito's palette (2008), told apart under every common colour blindness; yellow left out, too pale for lines. */
export const palette: readonly string[] = [
  "#0072b2", // blue
  "#d55e00", // vermilion
  "#009e73", // bluish green
  "#aa4499", // reddish purple, darkened for lines
  "#e69f00", // orange
  "#3a9fd4", // sky blue, darkened for lines
  "#4d4d4d",
  "#882255",
];

export const ink = {
  text: "#1f2328",
  quiet: "#59636e",
  faint: "#d5dae0",
  field: "#a9b2bc",
  validation: "#f1f3f6",
  forecast: "#fdf5e6",
  paper: "#ffffff",
} as const;

/** Logical pixels; PNG files have twice as many. */
export const size = { width: 800, height: 450, font: 13, title: 17 } as const;

export const fontFamily = "Inter, system-ui, sans-serif";
