/** @file Where an HDF5 file begins (specification, section II.A): its widths, and the root group. */
import type { ByteSource } from "../sources/byte-source.ts";
import { Hdf5File, signature } from "./file.ts";
import { Hdf5Object } from "./object.ts";

/** The root group of a file. Throws FormatError for anything that is no HDF5 file. */
export async function openHdf5(source: ByteSource): Promise<Hdf5Object> {
  const file = new Hdf5File(source);
  const place = "superblock";
  file.base = await findSignature(source);
  const cursor = await file.at(place, 0, Math.min(112, source.size - file.base));
  const version = cursor.skip(8).uint(1);
  if (version > 3) cursor.fail("a superblock of version 0 to 3", String(version));
  if (version < 2) {
    cursor.skip(4);
    setSizes(file, cursor.uint(1), cursor.uint(1));
    cursor.skip(version === 1 ? 13 : 9);
    // The base, the free space, the end, the driver; then the root group's entry.
    setBase(file, cursor.address());
    requireWhole(file, cursor.skip(file.offsetSize).address());
    cursor.skip(2 * file.offsetSize);
  } else {
    setSizes(file, cursor.uint(1), cursor.uint(1));
    setBase(file, cursor.skip(1).address());
    requireWhole(file, cursor.skip(file.offsetSize).address());
  }
  return Hdf5Object.at(file, "/", cursor.address());
}

/** Files may begin with something else: the signature is looked for at 0, 512, 1024, 2048, ... */
async function findSignature(source: ByteSource): Promise<number> {
  for (let at = 0; at + 8 <= source.size; at = at === 0 ? 512 : at * 2) {
    // oxlint-disable-next-line no-await-in-loop
    const bytes = await source.read(at, 8);
    if (signature.every((byte, index) => bytes[index] === byte)) return at;
  }
  return new Hdf5File(source).fail("superblock", "an HDF5 file", "something else");
}

function setSizes(file: Hdf5File, offsetSize: number, lengthSize: number): void {
  const isSize = (size: number): boolean => size === 2 || size === 4 || size === 8;
  if (!isSize(offsetSize) || !isSize(lengthSize))
    file.fail("superblock", "widths of 2, 4 or 8 bytes", `${offsetSize} and ${lengthSize}`);
  file.offsetSize = offsetSize;
  file.lengthSize = lengthSize;
}

/** The base a file gives is where its signature is, or the file was moved into another one. */
function setBase(file: Hdf5File, base: number): void {
  if (base !== file.base && base !== 0)
    file.fail("superblock", `addresses from ${file.base}`, `from ${base}`);
  file.base = base === 0 ? 0 : file.base;
}

/** Throws FormatError unless the file reaches to its end. */
function requireWhole(file: Hdf5File, end: number): void {
  const { size } = file.source;
  if (!(end + file.base <= size))
    file.fail("superblock", `a file of ${end} bytes`, `${size}`, "The file is truncated.");
}
