// Where figures go: the format follows the file's extension.
import { extname } from "node:path";
import { UsageError } from "../errors.ts";
import { writeAtomic } from "../files.ts";
import { pngZoom } from "./theme.ts";

const formats: Record<string, (svg: string) => string | Promise<Uint8Array>> = {
  ".svg": (svg) => svg,
  ".png": async (svg) => {
    // What explains networks is not needed before a picture is written.
    const { svgToPng } = await import("../../explain/index.ts");
    return svgToPng(svg, { zoom: pngZoom });
  },
};

/** A path whose extension says which picture format is meant. */
export function picturePath(text: string): string {
  if (extname(text).toLowerCase() in formats) return text;
  throw new UsageError(
    `expected a file name ending in ${Object.keys(formats).join(" or ")}, got "${text}"`,
  );
}

/** "fit.svg", "phase" -> "fit-phase.svg". */
export function beside(path: string, part: string): string {
  const extension = extname(path);
  return `${path.slice(0, path.length - extension.length)}-${part}${extension}`;
}

/** Writes a drawn figure. */
export async function savePicture(path: string, svg: string): Promise<void> {
  await writeAtomic(path, await formats[extname(path).toLowerCase()]!(svg));
}
