/** @file A title, a legend and panels drawn by Observable Plot as one SVG text. */
import { plot, type PlotOptions } from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { fontFamily, ink, size } from "./axes.ts";

/** An entry of the legend. */
export interface Key {
  readonly label: string;
  readonly colour: string;
  readonly sign: "line" | "dash" | "dot" | "ring";
}

/** A figure before it is drawn. */
export interface Figure {
  readonly title: string;
  readonly subtitle?: string;
  readonly keys: readonly Key[];
  /** From top to bottom; widths are set here, heights are the panels' own. */
  readonly panels: readonly PlotOptions[];
  readonly width?: number;
}

const { document } = parseHTML("<html><body></body></html>");

const namespace = "http://www.w3.org/2000/svg";

function element(
  name: string,
  attributes: Record<string, string | number>,
  text?: string,
): Element {
  const made = document.createElementNS(namespace, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  if (text !== undefined) made.textContent = text;
  return made as unknown as Element;
}

/** Width of a text in Inter, roughly: nothing here can measure type, and a legend only needs room. */
function textWidth(text: string, font: number): number {
  const narrow = text.match(/[ijlt.,:;!'|()[\] ]/g)?.length ?? 0;
  const wide = text.match(/[mwMWA-Z—–0-9]/g)?.length ?? 0;
  return font * (0.56 * text.length - 0.26 * narrow + 0.12 * wide);
}

function sign(key: Key, x: number, y: number): Element[] {
  const stroke = { stroke: key.colour, "stroke-width": 2, fill: "none" };
  if (key.sign === "dot") return [element("circle", { cx: x + 11, cy: y, r: 4, fill: key.colour })];
  if (key.sign === "ring") {
    return [element("circle", { ...stroke, cx: x + 11, cy: y, r: 3.6, fill: ink.paper })];
  }
  const dash = key.sign === "dash" ? { "stroke-dasharray": "5 4" } : {};
  return [element("line", { ...stroke, ...dash, x1: x, x2: x + 22, y1: y, y2: y })];
}

/** The legend's rows and the height they take. */
function legend(
  keys: readonly Key[],
  left: number,
  top: number,
  width: number,
): [Element[], number] {
  const made: Element[] = [];
  let [x, y] = [left, top];
  for (const key of keys) {
    const needed = 28 + textWidth(key.label, size.font);
    if (x > left && x + needed > width) [x, y] = [left, y + 20];
    made.push(...sign(key, x, y));
    const place = { x: x + 28, y: y + 4.5, "font-size": size.font, fill: ink.text };
    made.push(element("text", place, key.label));
    x += needed + 20;
  }
  return [made, keys.length === 0 ? 0 : y - top + 24];
}

/** Plot styles itself through a sheet and `currentColor`; rasterisers want plain attributes. */
function plain(svg: Element, panel: number): void {
  for (const sheet of svg.querySelectorAll("style")) sheet.remove();
  svg.removeAttribute("class");
  svg.setAttribute("font-family", fontFamily);
  svg.setAttribute("font-size", String(size.font));
  // Plot numbers its clip paths through the life of the process; a figure numbers its own.
  const own = new Map<string, string>();
  const renumber = (id: string): string => {
    const known = own.get(id) ?? `clip-${panel}-${own.size}`;
    own.set(id, known);
    return known;
  };
  for (const part of [svg, ...svg.querySelectorAll("*")]) {
    for (const { name, value } of Array.from(part.attributes)) {
      if (name.startsWith("aria-")) part.removeAttribute(name);
      else if (value === "currentColor") part.setAttribute(name, ink.text);
      else part.setAttribute(name, value.replace(/plot-clip-\d+/g, renumber));
    }
  }
}

/** A hundredth of a pixel is finer than any screen; more digits only make files large. */
function round(svg: Element): void {
  for (const part of svg.querySelectorAll("*")) {
    for (const { name, value } of Array.from(part.attributes)) {
      const short = value.replace(/\d+\.\d{3,}/g, (digits) =>
        String(Number(Number(digits).toFixed(2))),
      );
      if (short !== value) part.setAttribute(name, short);
    }
  }
}

/** Draws a figure as SVG text, the same for the same input on every machine. */
export function draw(figure: Figure): string {
  const width = figure.width ?? size.width;
  const left = 16;
  let y = 30;
  const parts = [
    element(
      "text",
      { x: left, y, "font-size": size.title, "font-weight": 600, fill: ink.text },
      figure.title,
    ),
  ];
  if (figure.subtitle !== undefined) {
    y += 21;
    parts.push(
      element("text", { x: left, y, "font-size": size.font, fill: ink.quiet }, figure.subtitle),
    );
  }
  y += 24;
  const [keys, keysHeight] = legend(figure.keys, left, y, width - left);
  parts.push(...keys);
  y += keysHeight - 6;
  for (const [index, panel] of figure.panels.entries()) {
    const svg = plot({
      ...panel,
      width,
      document: document as unknown as Document,
    }) as unknown as Element;
    plain(svg, index);
    svg.setAttribute("y", String(y));
    y += Number(svg.getAttribute("height"));
    parts.push(svg);
  }
  const height = y + 8;
  const root = element("svg", {
    xmlns: namespace,
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    "font-family": fontFamily,
    role: "img",
  });
  root.append(
    element("title", {}, figure.title),
    element("rect", { width, height, fill: ink.paper }),
  );
  root.append(...parts);
  round(root);
  return `${root.toString()}\n`;
}
