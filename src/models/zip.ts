/**
 * @file What is compressed: zlib and deflate streams of a known length, and zip archives (PKWARE, APPNOTE.TXT 6.3.10). Of an
 * archive the directory at its end is read first, and then single files; one that is only stored is read piece by piece. Nothing
 * unpacks to much more than its file.
 */
import { complaint, describe } from "../base/errors.ts";
import { FormatError, refuse } from "./errors.ts";
import { Inflate, Unzlib } from "fflate";
import { crc32 } from "../base/crc32.ts";
import { type ByteSource, checkRange, bytesSource } from "./source.ts";

/**
 * No file may unpack to more than this many times its bytes: weights do not compress much, and an archive that claims otherwise is there to
 * fill memory. Small ones may.
 */
const largestRatio = 100;
const alwaysFine = 1 << 26;

/** Throws FormatError naming `who` if `bytes` cannot come from the `stored` ones. */
export function checkSwelling(who: string, bytes: number, stored: number): void {
  if (bytes <= alwaysFine || bytes <= largestRatio * stored) return;
  refuse(
    who,
    `at most ${largestRatio} times the ${stored} bytes that are stored`,
    `${bytes} bytes`,
    "The file is damaged, or made to fill memory.",
  );
}

/** Bytes fed at a time. Each may become a thousand. */
const stride = 1 << 14;

/** The bytes, of which there must be `length`. Throws FormatError naming `who` for others, and for damaged ones. */
export function inflate(
  who: string,
  bytes: Uint8Array,
  length: number,
  wrapping: "zlib" | "none",
): Uint8Array {
  const all = new Uint8Array(length);
  let done = 0;
  const take = (part: Uint8Array): void => {
    if (done + part.length > length)
      refuse(who, `${length} bytes when decompressed`, "more", "The file is damaged.");
    all.set(part, done);
    done += part.length;
  };
  const inflator = wrapping === "zlib" ? new Unzlib(take) : new Inflate(take);
  try {
    for (let at = 0; at < bytes.length; at += stride)
      inflator.push(bytes.subarray(at, at + stride), at + stride >= bytes.length);
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    throw new FormatError(
      complaint(
        who,
        "compressed bytes",
        "some that cannot be decompressed",
        "The file is damaged.",
      ),
      { cause },
    );
  }
  if (done < length)
    refuse(who, `${length} bytes when decompressed`, `${done}`, "The file is truncated.");
  return all;
}

/** A file in an archive. */
interface Entry {
  readonly name: string;
  readonly method: number;
  readonly check: string;
  readonly packed: number;
  readonly size: number;
  /** Where its own header is. */
  readonly offset: number;
}

/** The directory of an archive. */
export interface Zip {
  readonly names: readonly string[];
  /** A file in it, or undefined if it has none of this name. Throws FormatError for damaged files and for those of more than `most` bytes. */
  open(name: string, most: number): Promise<ByteSource | undefined>;
}

/** More files than any model has. */
const mostEntries = 10_000;
const pieceLength = 1 << 22;

/** Opens an archive. Throws FormatError for anything else. */
export async function readZip(source: ByteSource): Promise<Zip> {
  const directory = await findDirectory(source);
  const entries = readDirectory(source, directory);
  return {
    names: [...entries.keys()],
    async open(name, most) {
      const entry = entries.get(name);
      return entry === undefined ? undefined : openEntry(source, entry, most);
    },
  };
}

interface Directory {
  readonly view: DataView;
  readonly count: number;
}

/** The directory, by its end: the last 22 bytes, or more with a comment. */
async function findDirectory(source: ByteSource): Promise<Directory> {
  const { name, size } = source;
  const length = Math.min(size, 22 + 0xffff);
  const tail = viewOf(await source.read(size - length, length));
  let at = length - 22;
  while (at >= 0 && tail.getUint32(at, true) !== 0x06054b50) at--;
  if (at < 0) refuse(name, "a zip archive with its directory", "none", "The file is truncated.");
  let count = tail.getUint16(at + 10, true);
  let bytes = tail.getUint32(at + 12, true);
  let offset = tail.getUint32(at + 16, true);
  if (count === 0xffff || bytes === 0xffffffff || offset === 0xffffffff) {
    // Zip64: a record of wider numbers stands before, and says where.
    const locator = size - length + at - 20;
    const position = await wide(source, locator, 0x07064b50, 8);
    count = await wide(source, position, 0x06064b50, 32);
    bytes = await wide(source, position, 0x06064b50, 40);
    offset = await wide(source, position, 0x06064b50, 48);
  }
  if (count > mostEntries || bytes > 1 << 26)
    refuse(`${name}: directory`, `at most ${mostEntries} files`, `${count} in ${bytes} bytes`);
  return { view: viewOf(await source.read(offset, bytes)), count };
}

/** A number of 8 bytes in a record of a signature. */
async function wide(
  source: ByteSource,
  record: number,
  signature: number,
  at: number,
): Promise<number> {
  const view = viewOf(await source.read(record, at + 8));
  if (view.getUint32(0, true) !== signature)
    refuse(`${source.name}: directory`, "a zip64 record", "another");
  return Number(view.getBigUint64(at, true));
}

function readDirectory({ name: file }: ByteSource, { view, count }: Directory): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  let at = 0;
  for (let index = 0; index < count; index++) {
    const place = `${file}: directory, file ${index}`;
    const fits = (length: number): boolean => at + length <= view.byteLength;
    if (!fits(46) || view.getUint32(at, true) !== 0x02014b50)
      refuse(place, "an entry", "none", "The file is damaged.");
    const nameLength = view.getUint16(at + 28, true);
    const extraLength = view.getUint16(at + 30, true);
    const length = 46 + nameLength + extraLength + view.getUint16(at + 32, true);
    if (!fits(length)) refuse(place, "an entry", "half of one", "The file is damaged.");
    const bytes = new Uint8Array(view.buffer, view.byteOffset + at, length);
    const name = new TextDecoder().decode(bytes.subarray(46, 46 + nameLength));
    const extra = viewOf(bytes.subarray(46 + nameLength, 46 + nameLength + extraLength));
    const [size, packed, offset] = wideNumbers(extra, [
      view.getUint32(at + 24, true),
      view.getUint32(at + 20, true),
      view.getUint32(at + 42, true),
    ]);
    if (view.getUint16(at + 8, true) & 1)
      refuse(`${file}: ${describe(name)}`, "a plain file", "an encrypted one");
    if (entries.has(name)) refuse(file, "a name of its own for each file", `two ${describe(name)}`);
    entries.set(name, {
      name,
      method: view.getUint16(at + 10, true),
      check: view
        .getUint32(at + 16, true)
        .toString(16)
        .padStart(8, "0"),
      packed: packed!,
      size: size!,
      offset: offset!,
    });
    at += length;
  }
  return entries;
}

/** Numbers that do not fit into 4 bytes stand in the extra field 1, those that do not fit alone, in this order. */
function wideNumbers(extra: DataView, numbers: readonly number[]): number[] {
  for (let at = 0; at + 4 <= extra.byteLength; at += 4 + extra.getUint16(at + 2, true)) {
    if (extra.getUint16(at, true) !== 1) continue;
    let next = at + 4;
    return numbers.map((number) => {
      if (number !== 0xffffffff || next + 8 > extra.byteLength) return number;
      next += 8;
      return Number(extra.getBigUint64(next - 8, true));
    });
  }
  return [...numbers];
}

async function openEntry(archive: ByteSource, entry: Entry, most: number): Promise<ByteSource> {
  const { name, method, packed, size, offset } = entry;
  const who = `${archive.name}: ${name}`;
  const header = viewOf(await archive.read(offset, 30));
  if (header.getUint32(0, true) !== 0x04034b50)
    refuse(who, "a file in the archive", "none", "The archive is damaged.");
  const start = offset + 30 + header.getUint16(26, true) + header.getUint16(28, true);
  if (method !== 0 && method !== 8) refuse(who, "a file stored or deflated", `method ${method}`);
  if (size > most || (method === 0 && size !== packed))
    refuse(who, `at most ${most} bytes, stored in ${packed}`, `${size}`, "It is damaged.");
  checkSwelling(who, size, packed);
  if (method === 8) {
    const bytes = inflate(who, await archive.read(start, packed), size, "none");
    requireCheck(who, entry, crc32(bytes));
    return bytesSource(bytes, who);
  }
  let check: string | undefined;
  for (let at = 0; at < size; at += pieceLength)
    // One after another, so that no more than a piece is held.
    // oxlint-disable-next-line no-await-in-loop
    check = crc32(await archive.read(start + at, Math.min(pieceLength, size - at)), check);
  requireCheck(who, entry, check ?? crc32(new Uint8Array(0)));
  return partSource(archive, who, start, size);
}

function requireCheck(who: string, { check }: Entry, actual: string): void {
  if (actual !== check) refuse(who, `bytes whose check is ${check}`, actual, "It is damaged.");
}

/** Part of a source as a source. */
function partSource(whole: ByteSource, name: string, start: number, size: number): ByteSource {
  const part: ByteSource = {
    name,
    size,
    async read(offset, length) {
      checkRange(part, offset, length);
      return whole.read(start + offset, length);
    },
    async readInto(target, offset) {
      checkRange(part, offset, target.length);
      await whole.readInto(target, start + offset);
    },
    sibling: (path) => whole.sibling(path),
    async close() {},
  };
  return part;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
