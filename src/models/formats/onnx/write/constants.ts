/** @file Constants of a file: their elements in the order and the bytes that ONNX wants. */
import { type DType, type TypedArray, allocate } from "../../../../ir/dtype.ts";
import { stridesOf } from "../../../../ir/shape.ts";
import { type ElementType, type Initializer, elementTypeOf } from "./onnx-graph.ts";

/** Elements made at a time. */
const pieceSize = 2 ** 18;

/** Elements that lie as `shape` here, and with `perm` of its axes in the file. */
export interface Arrangement {
  readonly shape: readonly number[];
  readonly perm: readonly number[];
  elements(): TypedArray;
}

/** A constant of numbers at hand. */
export function numbersOf(
  name: string,
  type: ElementType,
  dims: readonly number[],
  values: readonly number[],
): Initializer {
  const array =
    type === "int64"
      ? BigInt64Array.from(values, BigInt)
      : type === "double"
        ? Float64Array.from(values)
        : type === "float"
          ? Float32Array.from(values)
          : type === "bool"
            ? Uint8Array.from(values)
            : Int32Array.from(values);
  return { name, type, dims, bytes: array.byteLength, chunks: () => [bytesOf(array)] };
}

/** A constant of a tensor's elements. */
export function constantOf(
  name: string,
  dtype: DType,
  size: number,
  dims: readonly number[],
  arrangement: Arrangement,
): Initializer {
  return {
    name,
    type: elementTypeOf[dtype],
    dims,
    bytes: size * allocate(dtype, 0).BYTES_PER_ELEMENT,
    chunks: () => pieces(dtype, size, arrangement),
  };
}

function* pieces(
  dtype: DType,
  size: number,
  { shape, perm, elements }: Arrangement,
): Iterable<Uint8Array> {
  const from = elements();
  const strides = stridesOf(shape);
  const inner = perm.every((axis, i) => axis === i);
  const extents = perm.map((axis) => shape[axis]!);
  const steps = perm.map((axis) => strides[axis]!);
  const index = extents.map(() => 0);
  let at = 0;
  for (let start = 0; start < size; start += pieceSize) {
    const piece = allocate(dtype, Math.min(pieceSize, size - start));
    if (inner) piece.set(from.subarray(start, start + piece.length));
    else
      for (let i = 0; i < piece.length; i++) {
        piece[i] = from[at]!;
        // The next element in the file's order, counted up like an odometer.
        for (let axis = extents.length - 1; axis >= 0; axis--) {
          at += steps[axis]!;
          if (++index[axis]! < extents[axis]!) break;
          at -= steps[axis]! * extents[axis]!;
          index[axis] = 0;
        }
      }
    yield bytesOf(piece);
  }
}

/** The bytes of an array, little endian. */
function bytesOf(array: TypedArray | BigInt64Array): Uint8Array {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  if (!isBigEndian) return bytes;
  const width = array.BYTES_PER_ELEMENT;
  for (let start = 0; start < bytes.length; start += width)
    bytes.subarray(start, start + width).reverse();
  return bytes;
}

const isBigEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 0;
