// Where what is written of each image goes: the named file for one image, a folder for several.
import { mkdir } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { UsageError, WorkError, reason } from "../errors.ts";
import { checkWritable } from "../files.ts";
import { type Images, namesOf } from "./images.ts";

/** What can be written of an image. */
export interface Wanted {
  readonly output: string | undefined;
  readonly overlay: string | undefined;
  readonly map: string | undefined;
}

/** The files for one image; undefined for what was not asked for. */
export interface Places {
  readonly figure: string | undefined;
  readonly overlay: string | undefined;
  readonly map: string | undefined;
}

const kinds = {
  output: { flag: "-o", endings: [".png", ".svg"] },
  overlay: { flag: "--overlay", endings: [".png"] },
  map: { flag: "--map", endings: [".json"] },
} as const;

/**
 * The files for each image, all tried for being writable before any work is done. Where nothing is asked for, figures go beside each
 * other into the current folder: `photo-explained.png`, for several images the folder `explained`.
 * @throws UsageError for endings that say nothing, WorkError for what cannot be written
 */
export async function placesFor({ paths, areMany }: Images, wanted: Wanted): Promise<Places[]> {
  const { overlay, map } = wanted;
  const names = namesOf(paths);
  const isAsked = [wanted.output, overlay, map].some((path) => path !== undefined);
  const unasked = areMany ? "explained" : `${names[0]}-explained.png`;
  const output = isAsked ? wanted.output : unasked;
  const files = await Promise.all(
    (["output", "overlay", "map"] as const).map((kind) =>
      filesOf(kind, { output, overlay, map }[kind], names, areMany),
    ),
  );
  return names.map((_, index) => ({
    figure: files[0]?.[index],
    overlay: files[1]?.[index],
    map: files[2]?.[index],
  }));
}

async function filesOf(
  kind: keyof typeof kinds,
  path: string | undefined,
  names: readonly string[],
  areMany: boolean,
): Promise<string[] | undefined> {
  if (path === undefined) return undefined;
  const { flag, endings } = kinds[kind];
  const ending = extname(path).toLowerCase();
  if (!areMany) {
    if (!(endings as readonly string[]).includes(ending))
      throw new UsageError(
        `${flag}: expected a file name ending in ${endings.join(" or ")}, got "${path}"`,
      );
    await checkWritable(path);
    return [path];
  }
  if ((endings as readonly string[]).includes(ending))
    throw new UsageError(
      `${flag}: expected a folder for what is written of several images, got "${basename(path)}"`,
    );
  await mkdir(path, { recursive: true }).catch((error: unknown) => {
    throw new WorkError(`cannot make the folder ${path}: ${reason(error)}`);
  });
  const part = kind === "overlay" ? "-overlay" : "";
  const files = names.map((name) => join(path, `${name}${part}${endings[0]}`));
  await checkWritable(files[0]!);
  return files;
}
