/** @file Numbers of every width in files, as floats. */
import { describe } from "../base/errors.ts";
import { refuse } from "./errors.ts";
import type { ByteSource } from "./source.ts";

/** How one kind of number is stored. */
export interface Kind {
  readonly bytes: number;
  readonly read: (view: DataView, offset: number, little: boolean) => number;
}

/** The value of the 16 bits of a float16 (IEEE 754 binary16). */
export function float16(bits: number): number {
  return (halves ??= Float32Array.from({ length: 1 << 16 }, (_, index) => half(index)))[bits]!;
}

/** All values of float16, made when the first is asked for. */
let halves: Float32Array | undefined;

function half(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return sign * (fraction === 0 ? Infinity : Number.NaN);
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const word = new DataView(new ArrayBuffer(4));

/** The value of the 16 bits of a bfloat16: the upper half of a float32. */
function bfloat16(bits: number): number {
  word.setUint16(0, bits);
  word.setUint16(2, 0);
  return word.getFloat32(0);
}

/** Names of kinds of numbers. */
export type KindName =
  | "float16"
  | "bfloat16"
  | "float32"
  | "float64"
  | "int8"
  | "uint8"
  | "int16"
  | "uint16"
  | "int32"
  | "uint32"
  | "int64"
  | "uint64";

/** Kinds of numbers by their common names. */
export const kinds: Readonly<Record<KindName, Kind>> = {
  float16: { bytes: 2, read: (view, at, little) => float16(view.getUint16(at, little)) },
  bfloat16: { bytes: 2, read: (view, at, little) => bfloat16(view.getUint16(at, little)) },
  float32: { bytes: 4, read: (view, at, little) => view.getFloat32(at, little) },
  float64: { bytes: 8, read: (view, at, little) => view.getFloat64(at, little) },
  int8: { bytes: 1, read: (view, at) => view.getInt8(at) },
  uint8: { bytes: 1, read: (view, at) => view.getUint8(at) },
  int16: { bytes: 2, read: (view, at, little) => view.getInt16(at, little) },
  uint16: { bytes: 2, read: (view, at, little) => view.getUint16(at, little) },
  int32: { bytes: 4, read: (view, at, little) => view.getInt32(at, little) },
  uint32: { bytes: 4, read: (view, at, little) => view.getUint32(at, little) },
  int64: { bytes: 8, read: (view, at, little) => Number(view.getBigInt64(at, little)) },
  uint64: { bytes: 8, read: (view, at, little) => Number(view.getBigUint64(at, little)) },
};

/** The kind of a name. Throws FormatError naming `who` and the known ones. */
export function kindOf(who: string, name: unknown): Kind {
  if (typeof name === "string" && Object.hasOwn(kinds, name)) return kinds[name as KindName];
  refuse(`${who}: dtype`, `one of ${Object.keys(kinds).join(", ")}`, describe(name));
}

/** Bytes read at a time. */
const pieceLength = 1 << 22;
const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Fills an array with numbers that follow one another in a source, reading a few megabytes at a time. */
export async function readElements(
  source: ByteSource,
  offset: number,
  kind: Kind,
  target: Float32Array | Float64Array,
  little = true,
): Promise<void> {
  const isSame =
    little === isLittleEndian &&
    kind === (target instanceof Float32Array ? kinds.float32 : kinds.float64);
  if (isSame) {
    const bytes = new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
    for (let at = 0; at < bytes.length; at += pieceLength)
      await source.readInto(bytes.subarray(at, at + pieceLength), offset + at);
    return;
  }
  const count = pieceLength / kind.bytes;
  for (let at = 0; at < target.length; at += count) {
    const part = target.subarray(at, at + count);
    convert(
      await source.read(offset + at * kind.bytes, part.length * kind.bytes),
      kind,
      part,
      little,
    );
  }
}

/** Fills an array with numbers that follow one another in bytes. */
export function convert(
  bytes: Uint8Array,
  kind: Kind,
  target: Float32Array | Float64Array,
  little = true,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let index = 0; index < target.length; index++)
    target[index] = kind.read(view, index * kind.bytes, little);
}
