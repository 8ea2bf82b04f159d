/** @file Published files in the cache: found there, or downloaded into it. */
import { DownloadError } from "../errors.ts";
import { cacheFolder, requireNode } from "./cache.ts";
import { type DownloadOptions, checkFile, download } from "./download.ts";
import type { PublishedFile } from "./published.ts";

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
