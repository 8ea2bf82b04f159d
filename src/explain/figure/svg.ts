/** @file Elements of SVG drawings as text, and how figures look: light, one type face, few sizes. */
import { kind } from "../../base/kinds.ts";
import type { Kind } from "../../base/options.ts";
import type { Picture } from "../../models/images/picture.ts";
import { encodePng } from "../../models/images/png.ts";

/** Colours of figures. */
export const ink = {
  text: "#1f2328",
  quiet: "#59636e",
  line: "#a9b2bc",
  warning: "#b35900",
  paper: "#ffffff",
} as const;

/** Type sizes in logical pixels. */
export const type = { title: 17, text: 13, small: 12 } as const;

export const fontFamily = "Inter, system-ui, sans-serif";

type Attributes = Readonly<Record<string, string | number | undefined>>;

/** Text in which characters that XML reserves are escaped, and those that it forbids become spaces. */
function escaped(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cs}\uFFFE\uFFFF]/gu, " ")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll('"', "&quot;");
}

/** An element and its children. Undefined attributes are left out; numbers have at most two decimals. */
export function element(
  name: string,
  attributes: Attributes,
  ...children: readonly string[]
): string {
  const parts = Object.entries(attributes).flatMap(([key, value]) => {
    if (value === undefined) return [];
    const text = typeof value === "number" ? String(Number(value.toFixed(2))) : escaped(value);
    return [` ${key}="${text}"`];
  });
  const start = `<${name}${parts.join("")}`;
  return children.length === 0 ? `${start}/>` : `${start}>${children.join("")}</${name}>`;
}

/** The kind of options that are drawn as text. */
export const words: Kind<string> = kind("a text", (given) => typeof given === "string", {
  parse: (typed) => typed,
});

/** A line of text. */
export function label(text: string, attributes: Attributes): string {
  return element("text", attributes, escaped(text));
}

/**
 * A text shortened to about a width, since type cannot be measured here. The middle is left out, because names of layers differ
 * at their ends.
 */
export function shortened(text: string, width: number, size: number): string {
  const letters = [...text];
  const most = Math.floor(width / (0.56 * size));
  if (letters.length <= most) return text;
  const half = Math.floor((most - 1) / 2);
  return `${letters.slice(0, half).join("")}…${letters.slice(-half).join("")}`;
}

/** A picture whose pixels are stretched to fill a rectangle. */
export function image(
  picture: Picture,
  x: number,
  y: number,
  width: number,
  height: number,
): string {
  const bytes = encodePng(picture);
  let letters = "";
  for (let at = 0; at < bytes.length; at += 4096)
    letters += String.fromCharCode(...bytes.subarray(at, at + 4096));
  const href = `data:image/png;base64,${btoa(letters)}`;
  return element("image", { x, y, width, height, preserveAspectRatio: "none", href });
}

/** The whole drawing; screen readers read its name. */
export function drawing(
  name: string,
  width: number,
  height: number,
  parts: readonly string[],
): string {
  const attributes = {
    xmlns: "http://www.w3.org/2000/svg",
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    "font-family": fontFamily,
    role: "img",
  };
  const ground = element("rect", { width, height, fill: ink.paper });
  return `${element("svg", attributes, element("title", {}, escaped(name)), ground, ...parts)}\n`;
}
