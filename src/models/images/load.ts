/** @file Pictures from wherever files are. */
import { type SourceLike, openSource, readAll } from "../source.ts";
import { decodeImage } from "./decode.ts";
import type { Picture } from "./picture.ts";

/** Largest file read: 256 MiB. No PNG or JPEG of a picture that is decoded is larger. */
const mostBytes = 2 ** 28;

/**
 * Reads and decodes a picture: a path (Node), a URL, a Blob or File, or bytes. What is decoded how is said at `decodeImage`; the same
 * bytes give the same picture in Node and in every browser. Throws FormatError naming the file for what cannot be read or decoded.
 */
export async function loadImage(from: SourceLike, signal?: AbortSignal): Promise<Picture> {
  const source = await openSource("loadImage", from, signal);
  try {
    return decodeImage(await readAll(source, mostBytes), source.name);
  } finally {
    await source.close();
  }
}
