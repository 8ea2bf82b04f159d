/** @file gzip decompression by the platform's own DecompressionStream, with a limit on what comes out. */
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import { checkOptions } from "../../base/options.ts";
import { DataError } from "./data-error.ts";

/** Options of `gunzip`. */
export interface GunzipOptions {
  /** Bytes that may come out: 2^30 unless given. A small file can hold more than any memory. */
  readonly limit?: number;
  /** What errors call the bytes: the file's name. */
  readonly who?: string;
}

/** The bytes in a gzip file. Throws DataError for damaged or truncated ones, and for more than `limit` bytes, as soon as they are seen. */
export async function gunzip(bytes: Uint8Array, options: GunzipOptions = {}): Promise<Uint8Array> {
  checkOptions("gunzip", options, ["limit", "who"]);
  const { limit = 2 ** 30, who = "gunzip" } = options;
  if (!(bytes instanceof Uint8Array))
    throw new ArgumentError(complaint(who, "bytes in a Uint8Array", describe(bytes)));
  if (!Number.isSafeInteger(limit) || limit < 0)
    throw new ArgumentError(complaint(`${who}: limit`, "a number of bytes", describe(limit)));
  const parts: Uint8Array[] = [];
  let length = 0;
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new DecompressionStream("gzip"));
  const reader = stream.getReader();
  for (;;) {
    let next: Awaited<ReturnType<typeof reader.read>>;
    try {
      // One after another: each part is asked for when the one before has arrived.
      // oxlint-disable-next-line no-await-in-loop
      next = await reader.read();
    } catch (cause) {
      throw new DataError(
        complaint(
          who,
          "a gzip file",
          "bytes that cannot be decompressed",
          "The file is truncated, damaged or of another format.",
        ),
        { cause },
      );
    }
    if (next.done) break;
    length += next.value.length;
    if (length > limit) {
      // oxlint-disable-next-line no-await-in-loop
      await reader.cancel().catch(() => undefined);
      throw new DataError(
        complaint(`${who}: limit`, `at most ${limit} bytes`, "more", "Give a larger limit."),
      );
    }
    parts.push(next.value);
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
