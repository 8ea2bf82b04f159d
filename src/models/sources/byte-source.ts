/** @file The interface of sources, and what all of them check: that what is asked for lies within the file, and other files in its folder. */
import { complaint, describe } from "../../base/errors.ts";
import { FormatError } from "../errors.ts";

/** A file, read where it is asked to be. */
export interface ByteSource {
  /** What messages call it. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** A copy of some bytes. FormatError beyond the end. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Some bytes, into an array. FormatError beyond the end. */
  readInto(target: Uint8Array, offset: number): Promise<void>;
  /** Another file of the same folder or below, closed with this one at the latest. FormatError for paths that leave it, and for files that are not there. */
  sibling(path: string): Promise<ByteSource>;
  close(): Promise<void>;
}

/** Throws FormatError unless the bytes are there. */
export function checkRange(
  { name, size }: { readonly name: string; readonly size: number },
  offset: number,
  length: number,
): void {
  if (
    Number.isSafeInteger(offset) &&
    Number.isSafeInteger(length) &&
    offset >= 0 &&
    length >= 0 &&
    offset + length <= size
  )
    return;
  throw new FormatError(
    complaint(
      name,
      `bytes ${offset} to ${offset + length}`,
      `a file of ${size} bytes`,
      "The file is truncated or damaged.",
    ),
  );
}

/**
 * The parts of a path that stays in its folder. Throws FormatError naming `who` for absolute paths, those that go up, and those
 * with a scheme: a file must not say which others are read.
 */
export function partsBelow(who: string, path: unknown): string[] {
  const all = typeof path === "string" ? path.split(/[\\/]/) : [];
  const parts = all.filter((part) => part !== ".");
  const isBelow =
    parts.length > 0 && parts.every((part) => part !== "" && part !== ".." && !/[:\0]/.test(part));
  if (isBelow) return parts;
  throw new FormatError(
    complaint(who, "names of files in its own folder", describe(path), "Other files are not read."),
  );
}
