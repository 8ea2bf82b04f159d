/** @file Constants of a file: their elements in the order and the bytes that ONNX wants. */
import { type DType, type TypedArray, allocate } from "../../../../ir/dtype.ts";
import { sizeOf, stridesOf } from "../../../../ir/shape.ts";
import { type ElementType, type Initializer, elementTypeOf } from "./onnx-graph.ts";

/** Elements made at a time. */
const pieceSize = 2 ** 18;

/** Elements that lie as `shape` here, and with `perm` of its axes in the file. */
export interface Arrangement {
  readonly shape: readonly number[];
  readonly perm: readonly number[];
  elements(): TypedArray;
}

/** A constant whose numbers are known. */
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
  // Axes at the end that stay where they are make runs of elements that stay together.
  let moving = perm.length;
  while (moving > 0 && perm[moving - 1] === moving - 1) moving--;
  const run = sizeOf(shape.slice(moving));
  const extents = perm.slice(0, moving).map((axis) => shape[axis]!);
  const steps = perm.slice(0, moving).map((axis) => strides[axis]!);
  const index = extents.map(() => 0);
  let base = 0;
  let done = 0;
  for (let start = 0; start < size; start += pieceSize) {
    const piece = allocate(dtype, Math.min(pieceSize, size - start));
    for (let i = 0; i < piece.length;) {
      const length = Math.min(run - done, piece.length - i);
      if (length === 1) piece[i] = from[base + done]!;
      else piece.set(from.subarray(base + done, base + done + length), i);
      i += length;
      done += length;
      if (done < run) continue;
      done = 0;
      // The next run in the file's order, counted up like an odometer.
      for (let axis = moving - 1; axis >= 0; axis--) {
        base += steps[axis]!;
        if (++index[axis]! < extents[axis]!) break;
        base -= steps[axis]! * extents[axis]!;
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
