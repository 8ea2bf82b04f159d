// Where what is written of each image goes: the named file for one image, a folder for several.
import { mkdir, realpath } from "node:fs/promises";
import { basename, extname, join, resolve } from "node:path";
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
 * @throws UsageError for endings that say nothing and for files that would replace an image or one another, WorkError for what cannot
 * be written
 */
export async function placesFor({ paths, areMany }: Images, wanted: Wanted): Promise<Places[]> {
  const { overlay, map } = wanted;
  const names = namesOf(paths);
  const isAsked = [wanted.output, overlay, map].some((path) => path !== undefined);
  const unasked = areMany ? "explained" : `${names[0]}-explained.png`;
  const given = { output: isAsked ? wanted.output : unasked, overlay, map };
  const files = (["output", "overlay", "map"] as const).map((kind) =>
    filesOf(kind, given[kind], names, areMany),
  );
  await checkApart(paths, files.flat());
  if (areMany) for (const path of Object.values(given)) await makeFolder(path);
  for (const list of files) if (list !== undefined) await checkWritable(list[0]!);
  return names.map((_, index) => ({
    figure: files[0]?.[index],
    overlay: files[1]?.[index],
    map: files[2]?.[index],
  }));
}

function filesOf(
  kind: keyof typeof kinds,
  path: string | undefined,
  names: readonly string[],
  areMany: boolean,
): string[] | undefined {
  if (path === undefined) return undefined;
  const { flag, endings } = kinds[kind];
  const isFile = (endings as readonly string[]).includes(extname(path).toLowerCase());
  if (!areMany && !isFile)
    throw new UsageError(
      `${flag}: expected a file name ending in ${endings.join(" or ")}, got "${path}"`,
    );
  if (areMany && isFile)
    throw new UsageError(
      `${flag}: expected a folder for what is written of several images, got "${basename(path)}"`,
    );
  const part = kind === "overlay" ? "-overlay" : "";
  return areMany ? names.map((name) => join(path, `${name}${part}${endings[0]}`)) : [path];
}

async function makeFolder(path: string | undefined): Promise<void> {
  if (path === undefined) return;
  await mkdir(path, { recursive: true }).catch((error: unknown) => {
    throw new WorkError(`cannot make the folder ${path}: ${reason(error)}`);
  });
}

/** Throws UsageError where a file would be written over an image, or over another one. */
async function checkApart(
  images: readonly string[],
  files: readonly (string | undefined)[],
): Promise<void> {
  const placeOf = (path: string): Promise<string> => realpath(path).catch(() => resolve(path));
  const taken = new Map<string, string>();
  for (const path of images) taken.set(await placeOf(path), "the image itself");
  for (const path of files) {
    if (path === undefined) continue;
    const place = await placeOf(path);
    const what = taken.get(place);
    if (what !== undefined)
      throw new UsageError(`expected a place of its own for ${path}, which would replace ${what}`);
    taken.set(place, "another file that is asked for");
  }
}
