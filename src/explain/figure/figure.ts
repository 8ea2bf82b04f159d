/** @file Figures: panels side by side under titles, with colour bars. */
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import { checkChoice, checkOptions } from "../../base/options.ts";
import type { Picture } from "../../models/images/picture.ts";
import { colourBar } from "./colour-bar.ts";
import { isDiverging } from "./colour-maps.ts";
import { isBlank, rangeOf } from "./heat-map.ts";
import { type OverlayOptions, suitingColourMap } from "./overlay.ts";
import { type Paint, type Panel, type Prepared, caption, drawPanel, prepare } from "./panel.ts";
import { drawing, label, shortened } from "./svg.ts";
import { ink, type } from "./theme.ts";

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

const optionNames = ["title", "subtitle", "picture", "columns", "scale"].concat(
  ["colourMap", "range", "alpha", "upsample"], // of overlays
);

/** Logical pixels. */
const layout = { margin: 24, gap: 20, panel: 280, smallPanel: 220, bar: 12, barRoom: 68 } as const;

/**
 * A figure as SVG text, the same for the same input everywhere; `svgToPng` makes a PNG file of it. A map that is blank because
 * nothing was positive is not drawn as if it were merely empty: its panel says so. Throws ArgumentError for panels and options that make no sense.
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
  checkChoice("figure: scale", scale, ["shared", "own"]);
  const isShared = scale === "shared" || options.range !== undefined;
  const prepared = panels.map((panel) => prepare(panel, options.picture, options.upsample));
  const common = paint(prepared, options, false);
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
      const how = isShared ? common : paint([one], options, true);
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

/** The figure's titles, and where what follows begins. */
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

/** Colours that suit some panels together. */
function paint(
  prepared: readonly Prepared[],
  { colourMap, range, alpha }: FigureOptions,
  bar: boolean,
): Paint {
  // Overshoots of a spline are no signed values: the kind of a map shows in what was given.
  const given = prepared.flatMap(({ panel }) => panel.map ?? []);
  const chosen = colourMap ?? suitingColourMap(given);
  const drawn = prepared.filter(({ panel }) => panel.map !== undefined && !isBlank(panel.map));
  const maps = (drawn.length > 0 ? drawn : prepared).flatMap(({ map }) => map ?? []);
  const extent = rangeOf(maps, isDiverging(chosen));
  return { colourMap: chosen, range: range ?? extent, alpha, bar };
}
