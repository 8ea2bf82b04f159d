/** @file Elements of SVG drawings, written as text. */
import type { Picture } from "../../models/images/picture.ts";
import { encodePng } from "../../models/images/png.ts";
import { fontFamily, ink } from "./theme.ts";

type Attributes = Readonly<Record<string, string | number | undefined>>;

/** Characters that XML reserves, written so that they stand for themselves; what it forbids becomes a space. */
function escaped(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cs}\uFFFE\uFFFF]/gu, " ")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll('"', "&quot;");
}

/** An element with others in it. Attributes that are undefined are left out; numbers have at most two decimals. */
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

/** A line of text. */
export function label(text: string, attributes: Attributes): string {
  return element("text", attributes, escaped(text));
}

/** A text that fits, roughly: nothing here can measure type. Layers' names differ at their ends, so the middle is left out. */
export function shortened(text: string, width: number, size: number): string {
  const letters = [...text];
  const most = Math.floor(width / (0.56 * size));
  if (letters.length <= most) return text;
  const half = Math.floor((most - 1) / 2);
  return `${letters.slice(0, half).join("")}…${letters.slice(-half).join("")}`;
}

/** A picture in a place, its pixels stretched to fill it. */
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

/** The whole drawing, with its name for those who do not see it. */
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
