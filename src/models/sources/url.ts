/** @file Files behind URLs as sources. */
import { complaint } from "../../base/errors.ts";
import { nodeModules, reasonOf } from "../../base/node/files.ts";
import { FormatError } from "../errors.ts";
import { blobSource } from "./blob.ts";
import { fetchFailure } from "./fetch-failure.ts";
import { fileSource } from "./file.ts";
import { type ByteSource, partsBelow } from "./byte-source.ts";

/**
 * What a URL leads to. It is kept as a Blob, which browsers need not hold in memory. Throws FormatError where it cannot be
 * fetched.
 */
export async function urlSource(url: URL, signal?: AbortSignal): Promise<ByteSource> {
  const name = url.href.slice(0, 200);
  if (url.protocol === "file:") return fileSource(pathOf(url));
  const blob = await fetched(name, url, signal);
  // Many tensors may lie in one other file, and are asked for one after another.
  let last: { readonly path: string; readonly source: Promise<ByteSource> } | undefined;
  return blobSource(blob, name, async (path) => {
    if (last?.path !== path) last = { path, source: urlSource(beside(name, url, path), signal) };
    return last.source;
  });
}

async function fetched(name: string, url: URL, signal: AbortSignal | undefined): Promise<Blob> {
  const failed = (reason: string, cause?: unknown): FormatError =>
    new FormatError(`${name}: it cannot be fetched: ${reason}.`, { cause });
  try {
    const response = await fetch(url, signal === undefined ? {} : { signal });
    if (response.ok) return await response.blob();
    await response.body?.cancel();
    throw failed(`${response.status} ${response.statusText}`.trim());
  } catch (cause) {
    signal?.throwIfAborted();
    throw cause instanceof FormatError ? cause : failed(fetchFailure(cause), cause);
  }
}

/** The path of a file's URL. */
function pathOf(url: URL): string {
  try {
    // Where there is no Node, opening the file says so.
    return nodeModules()?.urls.fileURLToPath(url) ?? url.href;
  } catch (cause) {
    throw new FormatError(`${url.href}: it cannot be read: ${reasonOf(cause)}.`, { cause });
  }
}

/** The URL of another file in the folder of a URL. */
function beside(name: string, url: URL, path: string): URL {
  const other = partsBelow(name, path).map(encodeURIComponent).join("/");
  if (URL.canParse(other, url)) return new URL(other, url);
  throw new FormatError(
    complaint(
      name,
      "a URL in a folder",
      `${url.protocol} with ${other}`,
      "Give all files in an array, this one first.",
    ),
  );
}
