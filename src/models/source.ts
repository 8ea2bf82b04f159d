/** @file Bytes of files wherever they are, read piece by piece: a file of half a gigabyte is never held whole. */
import { ArgumentError, complaint, describe } from "../base/errors.ts";
import { FormatError } from "./errors.ts";
import type { ByteSource } from "./sources/byte-source.ts";
import { blobSource, filesSource } from "./sources/blob.ts";
import { bytesSource } from "./sources/bytes.ts";
import { fileSource } from "./sources/file.ts";
import { urlSource } from "./sources/url.ts";

/**
 * Where a model comes from: a path (Node), a URL, a Blob or File, several Files that belong together (the first is read, and
 * finds the others by name), bytes, or a source that is open already.
 */
export type SourceLike =
  | string
  | URL
  | Blob
  | readonly File[]
  | Uint8Array
  | ArrayBuffer
  | ByteSource;

/** Opens a source. Throws FormatError naming what cannot be read, ArgumentError for anything that is no source. */
export async function openSource(
  who: string,
  from: SourceLike,
  signal?: AbortSignal,
): Promise<ByteSource> {
  if (from instanceof ArrayBuffer) return bytesSource(new Uint8Array(from));
  if (from instanceof Uint8Array) return bytesSource(from);
  if (from instanceof Blob) return blobSource(from);
  if (from instanceof URL) return urlSource(from, signal);
  if (typeof from === "string" && from !== "") {
    // "C:\..." is no URL: schemes have two letters at least.
    const isUrl = /^[a-z][a-z\d+.-]+:/i.test(from) && URL.canParse(from);
    return isUrl ? urlSource(new URL(from), signal) : fileSource(from);
  }
  if (Array.isArray(from) && from.length > 0 && from.every((item) => item instanceof File))
    return filesSource(from as File[]);
  if (isSource(from)) return from;
  throw new ArgumentError(
    complaint(who, "a path, a URL, a Blob, File or array of Files, or bytes", describe(from)),
  );
}

function isSource(value: unknown): value is ByteSource {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as Partial<ByteSource>).read === "function" &&
    typeof (value as Partial<ByteSource>).size === "number"
  );
}

/** The whole of a source that should be small, such as a description in JSON. FormatError where it is larger than `most` bytes. */
export async function readAll(source: ByteSource, most: number): Promise<Uint8Array> {
  if (source.size > most)
    throw new FormatError(
      complaint(source.name, `at most ${most} bytes`, `${source.size}`, "It is not what it seems."),
    );
  return source.read(0, source.size);
}
