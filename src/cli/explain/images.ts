// Which images are meant: files as they are named, and all pictures of a folder.
import { readdir, stat } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { UsageError, WorkError, reason } from "../errors.ts";

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
 * @throws UsageError for no path at all, WorkError for a folder without pictures or one that cannot be read
 */
export async function findImages(given: readonly string[]): Promise<Images> {
  if (given.length === 0)
    throw new UsageError("expected an image: -i photo.png, several of them, or a folder");
  const lists = await Promise.all(given.map(async (path) => (await listFolder(path)) ?? [path]));
  const isFolder = lists.some((list, i) => list.length !== 1 || list[0] !== given[i]);
  return { paths: [...new Set(lists.flat())], areMany: given.length > 1 || isFolder };
}

/** The pictures of a folder; undefined for what is none. */
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
