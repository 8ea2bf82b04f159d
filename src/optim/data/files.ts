/**
 * @file Files with data, read with distrust: nothing is allocated that the file could not fill. gzip is decompressed by the
 * platform's own DecompressionStream, with a limit. idx, the format of MNIST, has two zero bytes, one byte for the type, one for the
 * number of extents, the extents (4 bytes each, the highest first), then the elements.
 */
import { AdjointError, ArgumentError, complaint, describe } from "../../base/errors.ts";
import { oneOf, text, whole } from "../../base/kinds.ts";
import { type OptionsOf, optional, schema } from "../../base/options.ts";
import { type DType, allocate } from "../../ir/dtype.ts";
import { formatShape } from "../../ir/shape.ts";
import { Tensor } from "../../ir/tensor.ts";

/** Data from outside that cannot be read: truncated, too large, or of another format. */
export class DataError extends AdjointError {
  override readonly name: string = "DataError";
}

const source = optional(
  text,
  undefined,
  "What errors call the bytes: the file's name, for example.",
);

const gunzipSchema = schema({
  limit: optional(
    whole(0),
    2 ** 30,
    "Number of bytes that may come out: a small file can hold more than any memory.",
  ),
  who: source,
});

/** Options of `gunzip`. */
export type GunzipOptions = OptionsOf<typeof gunzipSchema.spec>;

/**
 * The bytes in a gzip file. Throws DataError for damaged or truncated files, and as soon as there are more than `limit` bytes;
 * ArgumentError for options out of range.
 */
export async function gunzip(bytes: Uint8Array, options: GunzipOptions = {}): Promise<Uint8Array> {
  const { limit, who = "gunzip" } = gunzipSchema.read("gunzip", options);
  if (!(bytes instanceof Uint8Array))
    throw new ArgumentError(complaint(who, "bytes in a Uint8Array", describe(bytes)));
  const parts: Uint8Array[] = [];
  let length = 0;
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new DecompressionStream("gzip"));
  const reader = stream.getReader();
  for (;;) {
    let next: Awaited<ReturnType<typeof reader.read>>;
    try {
      // oxlint-disable-next-line no-await-in-loop
      next = await reader.read();
    } catch (cause) {
      throw new DataError(
        complaint(
          who,
          "a gzip file",
          "bytes that cannot be decompressed",
          "The file is truncated, damaged or of another format.",
        ),
        { cause },
      );
    }
    if (next.done) break;
    length += next.value.length;
    if (length > limit) {
      // oxlint-disable-next-line no-await-in-loop
      await reader.cancel().catch(() => undefined);
      throw new DataError(
        complaint(`${who}: limit`, `at most ${limit} bytes`, "more", "Give a larger limit."),
      );
    }
    parts.push(next.value);
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

interface ElementType {
  readonly bytes: number;
  readonly dtype: DType;
  read(view: DataView, offset: number): number;
}

const types: ReadonlyMap<number, ElementType> = new Map<number, ElementType>([
  [0x08, { bytes: 1, dtype: "int32", read: (view, at) => view.getUint8(at) }],
  [0x09, { bytes: 1, dtype: "int32", read: (view, at) => view.getInt8(at) }],
  [0x0b, { bytes: 2, dtype: "int32", read: (view, at) => view.getInt16(at) }],
  [0x0c, { bytes: 4, dtype: "int32", read: (view, at) => view.getInt32(at) }],
  [0x0d, { bytes: 4, dtype: "float32", read: (view, at) => view.getFloat32(at) }],
  [0x0e, { bytes: 8, dtype: "float64", read: (view, at) => view.getFloat64(at) }],
]);

const idxSchema = schema({
  dtype: optional(
    oneOf(["float32", "float64", "int32"]),
    undefined,
    "The tensor's dtype: int32 for the integer types, otherwise the file's own, unless given.",
  ),
  who: source,
});

/** Options of `readIdx`. */
export type ReadIdxOptions = OptionsOf<typeof idxSchema.spec>;

/**
 * The tensor in an idx file of any element type: `readIdx(bytes)`. Throws DataError, saying what is wrong and at which byte, for
 * bytes that are truncated, too many, compressed or of another format; ArgumentError for options out of range.
 */
export function readIdx(bytes: Uint8Array, options: ReadIdxOptions = {}): Tensor {
  const { who = "readIdx", dtype: wanted } = idxSchema.read("readIdx", options);
  if (!(bytes instanceof Uint8Array))
    throw new ArgumentError(complaint(who, "bytes in a Uint8Array", describe(bytes)));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4)
    throw new DataError(
      complaint(
        who,
        "at least 4 bytes",
        `${bytes.length}`,
        "The file is truncated, or not an idx file.",
      ),
    );
  if (bytes[0] === 0x1f && bytes[1] === 0x8b)
    throw new DataError(
      complaint(who, "an idx file", "a gzip file", "Decompress it first: gunzip(bytes)."),
    );
  const type = types.get(bytes[2]!);
  if (bytes[0] !== 0 || bytes[1] !== 0 || type === undefined)
    throw new DataError(
      complaint(
        `${who}: bytes 0 to 2`,
        `00 00 and a type among ${[...types.keys()].map(hex).join(", ")}`,
        [...bytes.subarray(0, 3)].map(hex).join(" "),
        "This is not an idx file.",
      ),
    );
  const rank = bytes[3]!;
  const start = 4 + 4 * rank;
  if (bytes.length < start)
    throw new DataError(
      complaint(
        who,
        `${rank} extents up to byte ${start} (byte 3)`,
        `${bytes.length} bytes`,
        "The file is truncated.",
      ),
    );
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const size = shape.reduce((product, extent) => product * extent, 1);
  if (start + size * type.bytes !== bytes.length) {
    const less = start + size * type.bytes > bytes.length;
    throw new DataError(
      complaint(
        `${who}: extents ${formatShape(shape)} (bytes 4 to ${start - 1})`,
        `${start + size * type.bytes} bytes in all`,
        `${bytes.length}`,
        less
          ? "The file is truncated or damaged."
          : "Something was appended to the file, or it is damaged.",
      ),
    );
  }
  const dtype = wanted ?? type.dtype;
  const elements = allocate(dtype, size);
  for (let index = 0; index < size; index++)
    elements[index] = type.read(view, start + index * type.bytes);
  return new Tensor({ shape, dtype }, elements);
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
