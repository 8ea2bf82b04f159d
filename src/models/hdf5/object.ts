/** @file HDF5 files from their beginning (specification, section II.A): the root group, and the groups and datasets below it. */
import { describe } from "../../base/errors.ts";
import {
  readAttribute,
  readLinks,
  type Message,
  kindsOfMessage,
  readMessages,
  requireCompact,
} from "./messages.ts";
import { type Dataset, readDataset } from "./dataset.ts";
import { Hdf5File, signature } from "./file.ts";
import type { ByteSource } from "../source.ts";

/** A group or dataset. */
export class Hdf5Object {
  /** Its path in the file. */
  readonly path: string;
  readonly #file: Hdf5File;
  readonly #messages: readonly Message[];
  #links: Promise<ReadonlyMap<string, number>> | undefined;

  private constructor(file: Hdf5File, path: string, messages: readonly Message[]) {
    this.#file = file;
    this.path = path;
    this.#messages = messages;
  }

  /** The object at an address. Throws FormatError if there is none. */
  static async at(file: Hdf5File, path: string, address: number): Promise<Hdf5Object> {
    return new Hdf5Object(file, path, await readMessages(file, path, address));
  }

  /** Whether it has elements. */
  get isDataset(): boolean {
    return this.#messages.some(({ kind }) => kind === kindsOfMessage.layout);
  }

  /** Names of what a group leads to, in the file's order. */
  async names(): Promise<string[]> {
    return [...(await this.#children()).keys()];
  }

  /** The object at a path below a group (`conv1/kernel:0`), or undefined. */
  async find(path: string): Promise<Hdf5Object | undefined> {
    // oxlint-disable-next-line typescript/no-this-alias
    let found: Hdf5Object = this;
    for (const name of path.split("/").filter((part) => part !== "")) {
      // oxlint-disable-next-line no-await-in-loop
      const address = (await found.#children()).get(name);
      if (address === undefined) return undefined;
      // oxlint-disable-next-line no-await-in-loop
      found = await Hdf5Object.at(this.#file, `${found.path.replace(/\/$/, "")}/${name}`, address);
    }
    return found;
  }

  #children(): Promise<ReadonlyMap<string, number>> {
    return (this.#links ??= this.isDataset
      ? Promise.resolve(new Map())
      : readLinks(this.#file, this.path, this.#messages));
  }

  /** The texts of an attribute; undefined if there is none of this name. Throws FormatError if it is not text. */
  async texts(name: string): Promise<readonly string[] | undefined> {
    for (const { kind, body } of this.#messages) {
      if (kind === kindsOfMessage.attributeInfo) requireCompact(body, "attributes", 2);
      if (kind !== kindsOfMessage.attribute) continue;
      // oxlint-disable-next-line no-await-in-loop
      const texts = await readAttribute(
        this.#file,
        `${this.path}: attribute ${describe(name)}`,
        body,
        name,
      );
      if (texts !== undefined) return texts;
    }
    return undefined;
  }

  /** The elements of a dataset, not yet read. */
  dataset(): Promise<Dataset> {
    return readDataset(this.#file, this.path, this.#messages);
  }
}

/** The root group of a file. Throws FormatError for anything that is not an HDF5 file. */
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
