/**
 * @file HDF5 files as far as Keras writes them (The HDF Group, "HDF5 File Format Specification", version 3.0), read where it is
 * asked for: elements go from the file into parameters. Every number in a file is checked before it is believed, nothing is
 * followed twice, and what is read about the data is limited by the size of the file.
 */
import { refuse } from "../errors.ts";
import type { ByteSource } from "../source.ts";

/** Bytes kept at a time of what stands between the data. */
const pageLength = 1 << 16;
const pages = 64;
/** The address of nothing. */
export const nowhere: number = Number.POSITIVE_INFINITY;

/** The first bytes of every file. */
export const signature: readonly number[] = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];

/** A file, with the widths that it says its numbers have. */
export class Hdf5File {
  readonly source: ByteSource;
  /** Where address 0 is. */
  base = 0;
  /** Bytes of an address, and of a length. */
  offsetSize = 8;
  lengthSize = 8;
  readonly #cache = new Map<number, Promise<Uint8Array>>();
  /** How much may still be read. A file has no reason to have everything read more than a few times. */
  #budget: number;

  constructor(source: ByteSource) {
    this.source = source;
    this.#budget = 16 * source.size + (1 << 24);
  }

  /** Throws FormatError: at some place something else was expected. */
  fail(
    place: string,
    expected: string,
    got: string,
    hint = "The file is truncated or damaged.",
  ): never {
    refuse(`${this.source.name}: ${place}`, expected, got, hint);
  }

  /** Bytes from an address on, to be read one number after another. */
  async at(place: string, address: number, length: number): Promise<Cursor> {
    const start = address + this.base;
    if (
      !(
        Number.isSafeInteger(start) &&
        start >= 0 &&
        length >= 0 &&
        start + length <= this.source.size
      )
    )
      this.fail(
        place,
        `an address in the file's ${this.source.size} bytes`,
        `${length} bytes at ${address}`,
        "The file is truncated or damaged.",
      );
    this.#budget -= Math.max(length, 64);
    if (this.#budget < 0)
      this.fail(place, "a description shorter than its file", "one that repeats");
    return new Cursor(this, place, await this.#bytes(start, length));
  }

  async #bytes(start: number, length: number): Promise<Uint8Array> {
    if (length > pageLength) return this.source.read(start, length);
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length;) {
      const number = Math.floor((start + done) / pageLength);
      // One page after another: there are rarely two.
      // oxlint-disable-next-line no-await-in-loop
      const page = await this.#page(number);
      const from = start + done - number * pageLength;
      const part = page.subarray(from, Math.min(page.length, from + length - done));
      bytes.set(part, done);
      done += part.length;
    }
    return bytes;
  }

  #page(number: number): Promise<Uint8Array> {
    let page = this.#cache.get(number);
    if (page === undefined) {
      const start = number * pageLength;
      page = this.source.read(start, Math.min(pageLength, this.source.size - start));
      if (this.#cache.size >= pages) this.#cache.delete(this.#cache.keys().next().value!);
      this.#cache.set(number, page);
    }
    return page;
  }
}

/** Reads little-endian numbers one after another; FormatError beyond the end. */
export class Cursor {
  readonly bytes: Uint8Array;
  position = 0;
  readonly #file: Hdf5File;
  readonly #place: string;
  readonly #view: DataView;

  constructor(file: Hdf5File, place: string, bytes: Uint8Array) {
    this.#file = file;
    this.#place = place;
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes that are left. */
  get left(): number {
    return this.bytes.length - this.position;
  }

  /** The next bytes. */
  take(length: number): Uint8Array {
    this.#require(length);
    return this.bytes.subarray(this.position, (this.position += length));
  }

  skip(length: number): this {
    this.#require(length);
    this.position += length;
    return this;
  }

  /** Moves on to a multiple of 8 from where `start` was. */
  align(start: number): void {
    this.position = Math.min(this.bytes.length, start + ((this.position - start + 7) & ~7));
  }

  /** An unsigned number of `bytes` bytes. */
  uint(bytes: number): number {
    this.#require(bytes);
    let value = 0;
    for (let i = bytes - 1; i >= 0; i--) value = value * 256 + this.bytes[this.position + i]!;
    this.position += bytes;
    return value;
  }

  /** A number of 4 bytes, without a loop. */
  uint32(): number {
    this.#require(4);
    this.position += 4;
    return this.#view.getUint32(this.position - 4, true);
  }

  /** An address, or `nowhere`. */
  address(): number {
    const { offsetSize } = this.#file;
    const isNothing = this.bytes
      .subarray(this.position, this.position + offsetSize)
      .every((byte) => byte === 255);
    const value = this.uint(offsetSize);
    return isNothing ? nowhere : value;
  }

  /** A length. */
  length(): number {
    return this.uint(this.#file.lengthSize);
  }

  /** Throws FormatError unless the next bytes are these letters. */
  letters(expected: string): this {
    const got = new TextDecoder("latin1").decode(this.take(expected.length));
    if (got !== expected) this.fail(`"${expected}"`, JSON.stringify(got));
    return this;
  }

  /** A cursor of its own over the next bytes. */
  part(length: number): Cursor {
    return new Cursor(this.#file, this.#place, this.take(length));
  }

  /** Throws FormatError: here something else was expected. */
  fail(expected: string, got: string, hint?: string): never {
    this.#file.fail(this.#place, expected, got, hint);
  }

  #require(length: number): void {
    if (!(length >= 0 && length <= this.left)) this.fail(`${length} more bytes`, `${this.left}`);
  }
}
