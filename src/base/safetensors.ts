/**
 * @file The layout of safetensors files: 8 bytes with the header's length, a header in JSON, little-endian elements. Checkpoints and
 * networks are such files, and differ in the errors that they throw.
 */
import { complaint, describe } from "./errors.ts";

/** Bytes of the longest header: the format's own limit. */
export const longestHeader = 100_000_000;

/** Bytes of the header of a file that begins with these 8 bytes, as it claims. */
export function headerLength(bytes: Uint8Array): number {
  return Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
}

/** An array's place in a file, in bytes from the end of the header on. */
interface Placed {
  readonly name: string;
  readonly begin: number;
  readonly end: number;
}

/** Throws `Failure` unless the arrays fill a file of `size` bytes without gap or overlap from `start`, the end of the header, on. */
export function requireFilled(
  who: string,
  arrays: readonly Placed[],
  start: number,
  size: number,
  Failure: new (message: string) => Error,
): void {
  let end = 0;
  for (const array of arrays.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (array.begin !== end)
      throw new Failure(
        complaint(
          `${who}: tensor ${describe(array.name)}`,
          `data from byte ${end} on`,
          `from ${array.begin}`,
          "The header is damaged.",
        ),
      );
    end = array.end;
  }
  if (start + end !== size)
    throw new Failure(
      complaint(
        who,
        `${start + end} bytes (as the header says)`,
        `${size}`,
        start + end > size ? "The file is truncated." : "Something was appended to the file.",
      ),
    );
}
