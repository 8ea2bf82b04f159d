/** @file What HDF5 does to chunks before it writes them (specification, section IV.A.2.l): deflate, shuffle, checksums. */
import { inflate } from "../inflate.ts";
import type { Cursor } from "./file.ts";

/** Undoes one filter; `length` is that of the chunk when all are undone. */
export type Filter = (place: string, bytes: Uint8Array, length: number) => Uint8Array;

/** The filters in the order in which they were applied. FormatError for those that are not known. */
export function readFilters(message: Cursor | undefined, elementBytes: number): readonly Filter[] {
  if (message === undefined) return [];
  message.position = 0;
  const version = message.uint(1);
  const count = message.uint(1);
  if (version !== 1 && version !== 2) message.fail("filters of version 1 or 2", String(version));
  if (version === 1) message.skip(6);
  let isChecked = false;
  return Array.from({ length: count }, () => {
    const id = message.uint(2);
    const nameLength = version === 1 || id >= 256 ? message.uint(2) : 0;
    message.skip(2);
    const values = message.uint(2);
    message.skip(version === 1 ? (nameLength + 7) & ~7 : nameLength).skip(4 * values);
    if (version === 1 && values % 2 === 1) message.skip(4);
    if (id === 1) {
      // Checks that were added before it are among what it unpacks.
      const more = isChecked ? 4 : 0;
      return (place, bytes, length): Uint8Array => inflate(place, bytes, length + more, "zlib");
    }
    if (id === 2) return (_place, bytes): Uint8Array => unshuffled(bytes, elementBytes);
    if (id === 3) {
      isChecked = true;
      return (_place, bytes): Uint8Array => bytes.subarray(0, Math.max(0, bytes.length - 4));
    }
    return message.fail("deflate, shuffle or fletcher32 as filters", `filter ${id}`, "");
  });
}

/** All first bytes, then all second ones, ...: each element's bytes together again. */
function unshuffled(bytes: Uint8Array, width: number): Uint8Array {
  const count = Math.floor(bytes.length / width);
  const result = bytes.slice();
  for (let byte = 0; byte < width; byte++)
    for (let index = 0; index < count; index++)
      result[index * width + byte] = bytes[byte * count + index]!;
  return result;
}
