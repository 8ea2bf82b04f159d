/** @file Blobs and Files as sources. */
import { complaint } from "../../base/errors.ts";
import { nearNames } from "../../base/near-names.ts";
import { FormatError } from "../errors.ts";
import { type ByteSource, checkRange, partsBelow } from "./byte-source.ts";

/** A blob as a source. `sibling` finds other files by path. */
export function blobSource(
  blob: Blob,
  name: string = blob instanceof File ? blob.name : "blob",
  sibling: ByteSource["sibling"] = async (path) => {
    throw new FormatError(
      `${name}: it refers to ${JSON.stringify(path)}, and a Blob has no folder. Give all files in an array, this one first.`,
    );
  },
): ByteSource {
  const source: ByteSource = {
    name,
    size: blob.size,
    async read(offset, length) {
      checkRange(source, offset, length);
      return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
    },
    async readInto(target, offset) {
      target.set(await source.read(offset, target.length));
    },
    sibling,
    async close() {},
  };
  return source;
}

/** Files that belong together: the first as a source, the others its siblings by name. */
export function filesSource(files: readonly File[]): ByteSource {
  const open = (file: File): ByteSource =>
    blobSource(file, file.name, async (path) => {
      const wanted = partsBelow(file.name, path).at(-1)!;
      const found = files.find(({ name }) => name === wanted);
      if (found !== undefined) return open(found);
      const names = files.map(({ name }) => name);
      throw new FormatError(
        complaint(
          file.name,
          `${wanted} among the files`,
          `${names.length} others`,
          `Most like it: ${nearNames(wanted, names).join(", ")}.`,
        ),
      );
    });
  return open(files[0]!);
}
