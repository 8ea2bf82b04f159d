/** @file Bytes as a source. */
import { FormatError } from "../errors.ts";
import { type ByteSource, checkRange } from "./byte-source.ts";

/** Bytes in memory as a source; without others beside it. */
export function bytesSource(bytes: Uint8Array, name = "bytes"): ByteSource {
  const source: ByteSource = {
    name,
    size: bytes.length,
    async read(offset, length) {
      checkRange(source, offset, length);
      return bytes.slice(offset, offset + length);
    },
    async readInto(target, offset) {
      checkRange(source, offset, target.length);
      target.set(bytes.subarray(offset, offset + target.length));
    },
    async sibling(path) {
      throw new FormatError(
        `${name}: it refers to ${JSON.stringify(path)}, and bytes have no folder. Give a path, a URL, or an array of Files instead.`,
      );
    },
    async close() {},
  };
  return source;
}
