/** @file Files whose bytes follow one another, as one source. */
import { complaint } from "../../base/errors.ts";
import { FormatError } from "../errors.ts";
import type { ByteSource } from "./byte-source.ts";

/**
 * The files at some paths beside a source, one after another. One is open at a time, and it stays open until another one is
 * needed, so that reading in order opens each once. `place` is what messages call them.
 */
export function joinedSource(
  place: string,
  source: ByteSource,
  paths: readonly string[],
): ByteSource {
  /** Where each file that was opened begins; how long it is, one learns by opening it. */
  const starts = [0];
  let open: { readonly index: number; readonly file: ByteSource } | undefined;

  async function fileOf(index: number): Promise<ByteSource> {
    if (open?.index === index) return open.file;
    await open?.file.close();
    open = undefined;
    const file = await source.sibling(paths[index]!);
    open = { index, file };
    starts[index + 1] = starts[index]! + file.size;
    return file;
  }

  /** The file that a byte is in. */
  async function indexOf(offset: number, end: number): Promise<number> {
    let index = starts.findLastIndex((start) => start <= offset);
    while (index < paths.length) {
      if (starts[index + 1] === undefined) await fileOf(index);
      if (offset < starts[index + 1]!) return index;
      index++;
    }
    throw new FormatError(
      complaint(
        place,
        `${end} bytes or more in ${paths.join(", ").slice(0, 200)}`,
        `${starts[paths.length]}`,
        "A file is truncated, or missing in the list.",
      ),
    );
  }

  const joined: ByteSource = {
    name: place,
    // Known when all have been opened; what lies beyond is noticed when it is read.
    size: Infinity,
    async read(offset, length) {
      const bytes = new Uint8Array(length);
      await joined.readInto(bytes, offset);
      return bytes;
    },
    async readInto(target, offset) {
      const end = offset + target.length;
      for (let done = 0; done < target.length;) {
        // One file after another: that is their order.
        // oxlint-disable-next-line no-await-in-loop
        const index = await indexOf(offset + done, end);
        // oxlint-disable-next-line no-await-in-loop
        const file = await fileOf(index);
        const from = offset + done - starts[index]!;
        const part = target.subarray(done, done + Math.min(target.length - done, file.size - from));
        // oxlint-disable-next-line no-await-in-loop
        await file.readInto(part, from);
        done += part.length;
      }
    },
    sibling: (path) => source.sibling(path),
    async close() {
      await open?.file.close();
      open = undefined;
    },
  };
  return joined;
}
