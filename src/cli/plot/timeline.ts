/** @file Observations, the fitted curve and its forecast over time, with the regions that they belong to. */
import { type Markish, type PlotOptions, dot, lineY, rect, ruleX, text } from "@observablehq/plot";
import type { Series } from "../../series/index.ts";
import { axes, extent, leftMargin, near, range, ink, palette, size } from "./axes.ts";
import { type Key, draw } from "./figure.ts";

/** A curve of all columns: `values` is [times, columns], row-major. */
export interface Curve {
  readonly times: Float64Array;
  readonly values: Float64Array;
}

/** What the figure shows. */
export interface Timeline {
  readonly title: string;
  readonly subtitle?: string;
  readonly observed: Series;
  readonly curve: Curve;
  /** Time of the last observation trained on; later ones were held out. */
  readonly trainEnd: number;
}

const mostColumns = 8;

const columnOf = (values: Float64Array, width: number, column: number): Float64Array =>
  Float64Array.from({ length: values.length / width }, (_, row) => values[row * width + column]!);

/** Columns that share a panel: all of them if they are few and their ranges alike, otherwise one panel per column. */
function groups(observed: Series): number[][] {
  const width = observed.names.length;
  const columns = [...observed.names.keys()].slice(0, mostColumns);
  const spans = columns.map((c) => {
    const [low, high] = extent(columnOf(observed.values, width, c));
    return { low, high, span: high - low || 1 };
  });
  const low = Math.min(...spans.map((s) => s.low));
  const high = Math.max(...spans.map((s) => s.high));
  const alike = spans.every((s) => s.span > 0.15 * (high - low));
  return alike && columns.length <= 3 ? [columns] : columns.map((c) => [c]);
}

/** Shaded regions and the names above them. */
function regions(
  ends: readonly [number, number, number, number],
  [low, high]: readonly [number, number],
  named: boolean,
): Markish[] {
  const [start, trainEnd, dataEnd, end] = ends;
  const all = [
    { from: start, to: trainEnd, name: "training", fill: ink.paper },
    { from: trainEnd, to: dataEnd, name: "validation", fill: ink.validation },
    { from: dataEnd, to: end, name: "forecast", fill: ink.forecast },
  ].filter((r) => r.to > r.from);
  const roomy = all.filter((r) => (r.to - r.from) / (end - start) > 0.09);
  const marks: Markish[] = all.map((r) =>
    rect([r], { x1: "from", x2: "to", y1: low, y2: high, fill: r.fill }),
  );
  marks.push(ruleX(all.slice(1), { x: "from", stroke: ink.field, strokeDasharray: "2 3" }));
  if (!named) return marks;
  const middle = (r: { from: number; to: number }): number => (r.from + r.to) / 2;
  const style = {
    text: "name",
    y: high,
    dy: -10,
    fill: ink.quiet,
    fontSize: size.font - 1,
  } as const;
  return [...marks, text(roomy, { ...style, x: middle })];
}

/** A panel before its place among the others is known. */
interface Panel {
  readonly columns: readonly number[];
  readonly domain: readonly [number, number];
}

function toPanel(input: Timeline, columns: readonly number[]): Panel {
  const width = input.observed.names.length;
  const all = (values: Float64Array): number[] =>
    columns.flatMap((c) => [...columnOf(values, width, c)]);
  return { columns, domain: range(all(input.observed.values), all(input.curve.values)) };
}

function toPlot(
  input: Timeline,
  { columns, domain }: Panel,
  place: { readonly first: boolean; readonly last: boolean; readonly marginLeft: number },
): PlotOptions {
  const { observed, curve, trainEnd } = input;
  const width = observed.names.length;
  const seen = columns.map((c) => columnOf(observed.values, width, c));
  const drawn = columns.map((c) => columnOf(curve.values, width, c));
  const dataEnd = observed.times.at(-1)!;
  const [start, end] = extent([...observed.times, ...curve.times]);
  const { first, last, marginLeft } = place;
  const single = columns.length === 1;
  const label = columns.map((c) => observed.names[c]!).join(", ");
  const room = Math.min(0.02 * (end - start), Number.MAX_VALUE);

  const lines = columns.flatMap((c, i) => {
    const points = [...curve.times].map((x, row) => ({ x, y: near(drawn[i]![row]!, domain) }));
    const style = { x: "x", y: "y", stroke: palette[c]!, strokeWidth: 2.2, clip: true } as const;
    return [
      lineY(
        points.filter((p) => p.x <= trainEnd),
        style,
      ),
      lineY(
        points.filter((p) => p.x >= trainEnd),
        { ...style, strokeDasharray: "6 4" },
      ),
    ];
  });
  const dots = columns.flatMap((c, i) => {
    const points = [...observed.times]
      .map((x, row) => ({ x, y: seen[i]![row]! }))
      .filter((p) => !Number.isNaN(p.y));
    // Many points: smaller and lighter, or they hide the curve.
    const crowded = points.length > 150;
    const r = crowded ? 2 : 4;
    const style = {
      x: "x",
      y: "y",
      r,
      strokeWidth: crowded ? 1 : 1.6,
      stroke: palette[c]!,
    } as const;
    const opacity = crowded ? 0.55 : 1;
    return [
      dot(
        points.filter((p) => p.x <= trainEnd),
        { ...style, fill: palette[c]!, opacity },
      ),
      dot(
        points.filter((p) => p.x > trainEnd),
        { ...style, fill: ink.paper, opacity },
      ),
    ];
  });
  const [marginTop, marginBottom] = [first ? 26 : 8, last ? 46 : 12];
  return {
    height:
      single && !first ? 170 : single && !last ? 190 : last && !first ? 210 : size.height - 90,
    marginLeft,
    marginRight: 20,
    marginTop,
    marginBottom,
    x: { domain: [start - room, end + room] },
    y: { domain, nice: false },
    marks: [
      ...regions(
        [start - room, Math.max(trainEnd, start - room), dataEnd, end + room],
        domain,
        first,
      ),
      ...axes(
        marginLeft,
        { label: last ? observed.timeName : null },
        { label, ticks: single ? 5 : 6 },
      ),
      ...lines,
      ...dots,
    ],
  };
}

/** Draws the figure as SVG text. */
export function timeline(input: Timeline): string {
  const { observed, trainEnd } = input;
  const grouped = groups(observed);
  const shown = grouped.flat();
  const keys: Key[] = shown.map((c) => ({
    label: observed.names[c]!,
    colour: palette[c]!,
    sign: "dot",
  }));
  if (observed.times.at(-1)! > trainEnd) {
    keys.push({ label: "held out", colour: ink.quiet, sign: "ring" });
  }
  keys.push(
    { label: "fit", colour: ink.quiet, sign: "line" },
    { label: "forecast", colour: ink.quiet, sign: "dash" },
  );
  const hidden = observed.names.length - shown.length;
  const note = hidden > 0 ? `first ${shown.length} of ${observed.names.length} columns` : undefined;
  const subtitle = [input.subtitle, note].filter((part) => part !== undefined).join(" · ");
  const panels = grouped.map((columns) => toPanel(input, columns));
  const marginLeft = Math.max(...panels.map((p) => leftMargin(p.domain)));
  return draw({
    title: input.title,
    ...(subtitle === "" ? {} : { subtitle }),
    keys,
    panels: panels.map((p, i) =>
      toPlot(input, p, { first: i === 0, last: i === panels.length - 1, marginLeft }),
    ),
  });
}
