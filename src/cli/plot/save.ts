/** @file Figures into files: the format follows from the extension. */
import { extname } from "node:path";
import { kind } from "../../base/kinds.ts";
import type { Kind } from "../../base/options.ts";
import { writeAtomic } from "../files.ts";

/** PNG files are 1600 pixels wide: two for each logical one. */
const pngZoom = 2;

const formats: Record<string, (svg: string) => string | Promise<Uint8Array>> = {
  ".svg": (svg) => svg,
  ".png": async (svg) => {
    // What explains networks is not needed before a picture is written.
    const { svgToPng } = await import("../../explain/index.ts");
    return svgToPng(svg, { zoom: pngZoom });
  },
};

/** A path whose extension says which picture format is meant. */
export const picture: Kind<string> = kind(
  `a file name ending in ${Object.keys(formats).join(" or ")}`,
  (given) => typeof given === "string" && extname(given).toLowerCase() in formats,
);

/** "fit.svg", "phase" -> "fit-phase.svg". */
export function beside(path: string, part: string): string {
  const extension = extname(path);
  return `${path.slice(0, path.length - extension.length)}-${part}${extension}`;
}

/** Writes a drawn figure. */
export async function savePicture(path: string, svg: string): Promise<void> {
  await writeAtomic(path, await formats[extname(path).toLowerCase()]!(svg));
}
