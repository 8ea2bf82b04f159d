/** @file The phase portrait: the learned vector field, the trajectory through it, and the observations. */
import { type Markish, dot, line, vector } from "@observablehq/plot";
import { axes, leftMargin, near, range, ink, palette, size } from "./axes.ts";
import { type Key, draw } from "./figure.ts";

/** A path in the plane: parallel arrays. */
export interface Path {
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
}

/** What the figure shows. */
export interface PhasePortrait {
  readonly title: string;
  readonly subtitle?: string;
  readonly xName: string;
  readonly yName: string;
  /** The vector field at points of the plane: velocities, parallel to `at`. */
  readonly field: (at: Path) => Path;
  readonly observed: Path;
  readonly fit: Path;
  readonly forecast?: Path;
}

const columns = 25;
const rows = 17;

interface Point {
  readonly x: number;
  readonly y: number;
}

const points = (path: Path): Point[] =>
  Array.from({ length: path.x.length }, (_, i) => ({ x: path.x[i]!, y: path.y[i]! })).filter(
    (p) => Number.isFinite(p.x) && Number.isFinite(p.y),
  );

/** Arrows on a grid: all of nearly one length, for slow regions matter as much as fast ones. */
function arrows(
  input: PhasePortrait,
  [left, right]: readonly [number, number],
  [low, high]: readonly [number, number],
  plane: { readonly width: number; readonly height: number },
): Markish {
  const grid = Array.from({ length: columns * rows }, (_, i) => ({
    x: left + ((right - left) * ((i % columns) + 0.5)) / columns,
    y: low + ((high - low) * (Math.floor(i / columns) + 0.5)) / rows,
  }));
  const velocity = input.field({ x: grid.map((p) => p.x), y: grid.map((p) => p.y) });
  // Directions are those seen on the paper: the axes have different scales.
  const [perX, perY] = [plane.width / (right - left), plane.height / (high - low)];
  const seen = grid.map((p, i) => {
    const [u, v] = [velocity.x[i]! * perX, velocity.y[i]! * perY];
    return { ...p, angle: (Math.atan2(u, v) * 180) / Math.PI, speed: Math.hypot(u, v) };
  });
  const usable = seen.filter((p) => Number.isFinite(p.speed) && p.speed > 0);
  const sorted = usable.map((p) => p.speed).sort((a, b) => a - b);
  const typical = sorted[Math.floor(sorted.length / 2)] ?? 1;
  return vector(usable, {
    x: "x",
    y: "y",
    rotate: "angle",
    length: (p: { speed: number }) => 11 + (9 * p.speed) / (p.speed + typical),
    stroke: ink.field,
    strokeWidth: 1.2,
    anchor: "middle",
  });
}

/** Draws the figure as SVG text. */
export function phasePortrait(input: PhasePortrait): string {
  const seen = points(input.observed);
  const wide = { fit: points(input.fit), forecast: points(input.forecast ?? { x: [], y: [] }) };
  const curve = [...wide.fit, ...wide.forecast];
  // Where nothing is observed (a hidden state), the fit decides what is shown.
  const shown = seen.length > 0 ? seen : wide.fit;
  const x = range(
    shown.map((p) => p.x),
    curve.map((p) => p.x),
  );
  const y = range(
    shown.map((p) => p.y),
    curve.map((p) => p.y),
  );
  const cut = (p: Point): Point => ({ x: near(p.x, x), y: near(p.y, y) });
  const [fit, forecast] = [wide.fit.map(cut), wide.forecast.map(cut)];
  const margin = { marginLeft: leftMargin(y), marginRight: 20, marginTop: 12, marginBottom: 46 };
  const height = 520;
  const plane = {
    width: size.width - margin.marginLeft - margin.marginRight,
    height: height - margin.marginTop - margin.marginBottom,
  };
  const crowded = seen.length > 150;
  const style = { x: "x", y: "y", clip: true, curve: "linear" } as const;
  const start = fit.slice(0, 1);
  const curves = [
    line(fit, { ...style, stroke: palette[0]!, strokeWidth: 2 }),
    line(forecast, { ...style, stroke: palette[0]!, strokeWidth: 1.6, strokeDasharray: "6 4" }),
  ];
  const data = dot(seen, {
    x: "x",
    y: "y",
    r: crowded ? 3 : 4,
    fill: palette[1]!,
    stroke: ink.paper,
    strokeWidth: crowded ? 0 : 1,
    opacity: crowded ? 0.6 : 1,
  });
  const keys: Key[] = [
    ...(seen.length > 0 ? [{ label: "observed", colour: palette[1]!, sign: "dot" } as const] : []),
    { label: "fit", colour: palette[0]!, sign: "line" },
  ];
  if (forecast.length > 0) keys.push({ label: "forecast", colour: palette[0]!, sign: "dash" });
  if (start.length > 0) keys.push({ label: "start", colour: palette[0]!, sign: "ring" });
  return draw({
    title: input.title,
    ...(input.subtitle === undefined ? {} : { subtitle: input.subtitle }),
    keys,
    panels: [
      {
        height,
        ...margin,
        x: { domain: x },
        y: { domain: y, nice: false },
        marks: [
          ...axes(margin.marginLeft, { label: input.xName }, { label: input.yName, ticks: 8 }),
          arrows(input, x, y, plane),
          // A cloud of points would hide the curve; a few points would be hidden by it.
          ...(crowded ? [data, ...curves] : [...curves, data]),
          dot(start, {
            x: "x",
            y: "y",
            r: 5,
            fill: ink.paper,
            stroke: palette[0]!,
            strokeWidth: 2.4,
          }),
        ],
      },
    ],
  });
}
