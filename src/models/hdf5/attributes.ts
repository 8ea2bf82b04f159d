/** @file Attributes of HDF5 (specification, section IV.A.2.m): texts of fixed length, and those kept in global heaps. */
import { Cursor, type Hdf5File, nowhere } from "./file.ts";
import { readExtents, readType } from "./types.ts";

/** Texts of all attributes together: more than any description takes. */
const longest = 1 << 28;

/** The texts of an attribute, if it has this name. FormatError where it has, and is no text. */
export async function readAttribute(
  file: Hdf5File,
  place: string,
  message: Cursor,
  wanted: string,
): Promise<readonly string[] | undefined> {
  const body = new Cursor(file, place, message.bytes);
  const version = body.uint(1);
  if (version < 1 || version > 3) body.fail("an attribute of version 1 to 3", String(version));
  const flags = body.uint(1);
  const [nameLength, typeLength, extentsLength] = [body.uint(2), body.uint(2), body.uint(2)];
  if (version === 3) body.skip(1);
  const padded = (length: number): Cursor => {
    const part = body.part(length);
    if (version === 1) body.skip(Math.min(body.left, -length & 7));
    return part;
  };
  const name = text(padded(nameLength).bytes);
  if (name !== wanted) return undefined;
  if (version > 1 && flags & 3)
    body.fail("a type in place", "a shared one", "Write the file anew.");
  const type = readType(padded(typeLength));
  const extents = readExtents(padded(extentsLength));
  if (extents === undefined) return [];
  const count = extents.reduce((product, extent) => product * extent, 1);
  // An empty list has no texts to tell their type from.
  if (count === 0) return [];
  if (type.is === "number") body.fail("texts", "numbers", "");
  if (count * type.bytes > body.left)
    body.fail(`${count} texts of ${type.bytes} bytes`, `${body.left} bytes`);
  const texts: string[] = [];
  let total = 0;
  for (let index = 0; index < count; index++) {
    const bytes =
      type.is === "text"
        ? body.take(type.bytes)
        : // One after another: they are in the same heap, mostly.
          // oxlint-disable-next-line no-await-in-loop
          await fromHeap(file, place, body.part(type.bytes));
    total += bytes.length;
    if (total > longest) body.fail(`at most ${longest} bytes of text`, "more");
    texts.push(text(bytes));
  }
  return texts;
}

/** A text in the global heap that a reference leads to (section III.E). */
async function fromHeap(file: Hdf5File, place: string, reference: Cursor): Promise<Uint8Array> {
  const length = reference.uint32();
  const address = reference.address();
  const wanted = reference.uint32();
  if (length === 0 || address === nowhere || address === 0) return new Uint8Array(0);
  const head = (await file.at(place, address, 8 + file.lengthSize)).letters("GCOL");
  const size = head.skip(4).length();
  const heap = (await file.at(place, address, size)).skip(8 + file.lengthSize);
  while (heap.left >= 8 + file.lengthSize) {
    const index = heap.uint(2);
    const bytes = heap.skip(6).length();
    if (index === 0) break;
    const start = heap.position;
    const object = heap.take(bytes);
    if (index === wanted)
      return length <= bytes
        ? object.subarray(0, length)
        : heap.fail(`a text of ${length} bytes`, `one of ${bytes}`);
    heap.align(start);
  }
  return heap.fail(`object ${wanted} in a heap`, "none");
}

/** Bytes as a text, without what fills it up. */
function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}
