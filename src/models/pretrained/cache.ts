/** @file The folder of files that were downloaded once. */
import { complaint } from "../../base/errors.ts";
import { type NodeModules, nodeModules } from "../../base/node/files.ts";
import { DownloadError } from "../errors.ts";
import {
  type DownloadOptions,
  checkFile,
  download,
  type PublishedFile,
  kerasFile,
} from "./download.ts";
import { parseClassNames } from "../images/predictions.ts";

/** Node's modules. Throws DownloadError in other environments, which have no folder to keep files in. */
export function requireNode(who: string): NodeModules {
  const modules = nodeModules();
  if (modules !== undefined) return modules;
  throw new DownloadError(
    complaint(
      who,
      "Node, which has a folder for downloaded files",
      "another environment",
      "Give the file itself: a URL, a Blob or a File.",
    ),
  );
}

/** What decides where the folder is. */
export interface Surroundings {
  readonly platform: string;
  readonly home: string;
  readonly variables: Readonly<Record<string, string | undefined>>;
}

/**
 * The folder by the habit of the platform: `ADJOINT_CACHE` where that is set, otherwise ~/Library/Caches/adjoint (macOS),
 * %LOCALAPPDATA%\adjoint (Windows), $XDG_CACHE_HOME/adjoint or ~/.cache/adjoint. Paths that are not absolute count as unset, as the
 * XDG Base Directory Specification says; but for `ADJOINT_CACHE`.
 */
export function cacheFolderOf(
  { isAbsolute, join, resolve }: NodeModules["paths"],
  { platform, home, variables }: Surroundings,
): string {
  const given = variables["ADJOINT_CACHE"];
  if (given !== undefined && given !== "") return resolve(given);
  const absolute = (name: string, otherwise: string): string => {
    const value = variables[name];
    return value !== undefined && isAbsolute(value) ? value : otherwise;
  };
  const base =
    platform === "darwin"
      ? join(home, "Library", "Caches")
      : platform === "win32"
        ? absolute("LOCALAPPDATA", join(home, "AppData", "Local"))
        : absolute("XDG_CACHE_HOME", join(home, ".cache"));
  return join(base, "adjoint");
}

/**
 * The folder of downloaded files: `ADJOINT_CACHE`, or where the platform keeps such (~/.cache/adjoint on Linux). It need not be
 * there yet. Throws DownloadError where there is no Node.
 */
export function cacheFolder(): string {
  const { paths, system } = requireNode("cacheFolder");
  return cacheFolderOf(paths, {
    platform: process.platform,
    home: system.homedir(),
    variables: process.env,
  });
}

/** Where a published file lies in the cache, whether it is there or not. */
export function cachePathOf({ name }: PublishedFile): string {
  return requireNode(name).paths.join(cacheFolder(), "models", name);
}

/**
 * The path of a published file in the cache, downloaded if it is not there yet. Throws DownloadError where it cannot be had or is
 * another file, the signal's reason when that aborts.
 */
export async function cachedFile(
  published: PublishedFile,
  options: DownloadOptions,
): Promise<string> {
  const modules = requireNode(published.name);
  const path = cachePathOf(published);
  const found = await modules.files.stat(path).catch(() => undefined);
  if (found === undefined) await download(modules, published, path, options);
  else if (!found.isFile())
    throw new DownloadError(`${path}: expected a file, got a folder or device. Move it away.`);
  await checkFile(modules, published, path, options.signal);
  return path;
}

const published = (): PublishedFile =>
  kerasFile(
    "download.tensorflow.org/data/imagenet_class_index.json",
    "c2c37ea517e94d9795004a39431a14cb",
  );

/**
 * The 1000 names of ImageNet's classes, in the order of the networks by name: "tench", "goldfish", ... From Keras' published list,
 * which is downloaded once. Throws DownloadError where that cannot be had.
 */
export async function imagenetClassNames(
  options: { readonly signal?: AbortSignal } = {},
): Promise<string[]> {
  const { files } = requireNode("imagenetClassNames");
  const path = await cachedFile(published(), { ...options, most: 1 << 20 });
  return parseClassNames(await files.readFile(path, "utf8"), path);
}
