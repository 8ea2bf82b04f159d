/** @file Which images are explained (files, and the pictures of folders), and where the results of each go. */
import { mkdir, realpath, readdir, stat } from "node:fs/promises";
import { basename, extname, join, resolve } from "node:path";
import { UsageError, WorkError, reason } from "../errors.ts";
import { checkWritable } from "../files.ts";

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
 * Throws UsageError for unknown endings and for files that would replace an image or one another, WorkError for files that cannot be
 * written.
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

/** Endings of the pictures that are taken from a folder. */
const endings: readonly string[] = [".png", ".jpg", ".jpeg"];

/** The images that were asked for. */
export interface Images {
  readonly paths: readonly string[];
  /** Whether there may be several, so that what is written needs a folder. */
  readonly areMany: boolean;
}

/**
 * The images behind the given paths, those of a folder in the order of their names.
 * Throws UsageError for no path at all, WorkError for a folder without pictures or one that cannot be read.
 */
export async function findImages(given: readonly string[]): Promise<Images> {
  if (given.length === 0)
    throw new UsageError("expected an image: -i photo.png, several of them, or a folder");
  const lists = await Promise.all(given.map(async (path) => (await listFolder(path)) ?? [path]));
  const isFolder = lists.some((list, i) => list.length !== 1 || list[0] !== given[i]);
  return { paths: [...new Set(lists.flat())], areMany: given.length > 1 || isFolder };
}

/** The pictures of a folder; undefined for anything but a folder. */
async function listFolder(path: string): Promise<string[] | undefined> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false, // Reading the file will say why, when its turn comes.
  );
  if (!isFolder) return undefined;
  const names = await readdir(path).catch((error: unknown) => {
    throw new WorkError(`cannot read the folder ${path}: ${reason(error)}`);
  });
  const pictures = names.filter((name) => endings.includes(extname(name).toLowerCase()));
  if (pictures.length === 0)
    throw new WorkError(
      `${path}: expected pictures in the folder (${endings.join(", ")}), found none among ${names.length} files`,
    );
  return pictures.sort().map((name) => join(path, name));
}

/** A name for what is written of each image: its file's without the ending, with a number where two are alike. */
export function namesOf(paths: readonly string[]): string[] {
  const taken = new Set<string>();
  return paths.map((path) => {
    const stem = basename(path, extname(path));
    let name = stem;
    for (let n = 2; taken.has(name.toLowerCase()); n++) name = `${stem}-${n}`;
    taken.add(name.toLowerCase());
    return name;
  });
}
