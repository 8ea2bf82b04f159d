/** @file Files behind URLs as sources. */
import { reasonOf } from "../../ir/node-files.ts";
import { FormatError } from "../errors.ts";
import { blobSource } from "./blob.ts";
import { fileSource } from "./file.ts";
import { type ByteSource, partsBelow } from "./byte-source.ts";

/**
 * What a URL leads to. It is kept as a Blob, which browsers need not hold in memory. Throws FormatError where it cannot be
 * fetched.
 */
export async function urlSource(url: URL, signal?: AbortSignal): Promise<ByteSource> {
  if (url.protocol === "file:") return fileSource(decodeURIComponent(url.pathname));
  let response: Response;
  try {
    response = await fetch(url, signal === undefined ? {} : { signal });
  } catch (cause) {
    signal?.throwIfAborted();
    throw new FormatError(`${url.href}: it cannot be fetched: ${reasonOf(cause)}.`, { cause });
  }
  if (!response.ok)
    throw new FormatError(
      `${url.href}: it cannot be fetched: ${response.status} ${response.statusText}.`,
    );
  return blobSource(await response.blob(), url.href, (path) => {
    const parts = partsBelow(url.href, path).map(encodeURIComponent);
    return urlSource(new URL(parts.join("/"), url), signal);
  });
}
