/**
 * @file idx files, the format of MNIST: two zero bytes, a byte for the type, one for the number of extents, the extents (4 bytes
 * each, the first byte highest), then the elements. Read with distrust: nothing is allocated that the file could not fill.
 */
import { type DType, allocate } from "../../ir/dtype.ts";
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import { checkOptions } from "../../base/options.ts";
import { formatShape } from "../../ir/shape.ts";
import { Tensor } from "../../ir/tensor.ts";
import { DataError } from "./data-error.ts";

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

/** Options of `readIdx`. */
export interface ReadIdxOptions {
  /** The tensor's dtype: int32 for the integer types, else the file's own, unless given. */
  readonly dtype?: "float32" | "float64" | "int32";
  /** What errors call the bytes: the file's name. */
  readonly who?: string;
}

/**
 * The tensor in an idx file: `readIdx(bytes)`, of all of its element types. Throws DataError saying what is wrong and at which
 * byte for bytes that are truncated, too many, compressed or anything else; ArgumentError for options that make no sense.
 */
export function readIdx(bytes: Uint8Array, options: ReadIdxOptions = {}): Tensor {
  checkOptions("readIdx", options, ["dtype", "who"]);
  const { who = "readIdx", dtype: wanted } = options;
  if (!(bytes instanceof Uint8Array))
    throw new ArgumentError(complaint(who, "bytes in a Uint8Array", describe(bytes)));
  if (wanted !== undefined && !["float32", "float64", "int32"].includes(wanted))
    throw new ArgumentError(
      complaint(`${who}: dtype`, "float32, float64 or int32", describe(wanted)),
    );
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4)
    throw new DataError(
      complaint(
        who,
        "at least 4 bytes",
        `${bytes.length}`,
        "The file is truncated or no idx file.",
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
        "This is no idx file.",
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
