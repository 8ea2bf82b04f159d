/** @file Values that do not depend on the input: tensors of the file, and what is computed from them while it is read. */
import { describe } from "../../../../base/errors.ts";
import { type Shape, formatShape, sameShape, sizeOf, stridesOf } from "../../../../ir/shape.ts";
import { Tensor } from "../../../../ir/tensor.ts";
import { parameterElements } from "../../../../nn/large.ts";
import { type Kind, convert, kinds, readElements } from "../../../elements.ts";
import { FormatError, refuse } from "../../../errors.ts";
import type { ByteSource } from "../../../source.ts";
import { elementTypes } from "../schema.ts";
import type { FileRange, TensorProto } from "./file.ts";

/** Names of element types, as ONNX has them. */
export type ElementType = keyof typeof elementTypes;

/** The name of an element type; FormatError naming `who` for those that there are not. */
export function elementTypeOf(who: string, type: number | undefined): ElementType {
  for (const [name, number] of Object.entries(elementTypes))
    if (number === type) return name as ElementType;
  refuse(who, "an element type from 1 to 16", describe(type));
}

/** Whether the elements are numbers with a fraction. All such types are computed with as one. */
export function isFloatType(type: ElementType): boolean {
  return type === "float" || type === "float16" || type === "bfloat16" || type === "double";
}

/** Types of elements that are numbers, and how they lie in bytes. */
const kindOfType: { readonly [T in ElementType]?: Kind } = {
  float: kinds.float32,
  uint8: kinds.uint8,
  int8: kinds.int8,
  uint16: kinds.uint16,
  int16: kinds.int16,
  int32: kinds.int32,
  int64: kinds.int64,
  bool: kinds.uint8,
  float16: kinds.float16,
  double: kinds.float64,
  uint32: kinds.uint32,
  uint64: kinds.uint64,
  bfloat16: kinds.bfloat16,
};

/** A constant. Integers and booleans are held as float64, which is exact up to 2^53. */
export interface Constant {
  readonly type: ElementType;
  readonly shape: Shape;
  /**
   * The elements, taken as a tensor of shape `view` whose axes are brought into `order`. Without both as they are. Elements of
   * float types are of `dtype`.
   */
  load(dtype: "float32" | "float64", view?: Shape, order?: readonly number[]): Promise<Tensor>;
}

/** A constant whose elements are in memory. */
export function constantOf(tensor: Tensor, type: ElementType): Constant {
  return {
    type,
    shape: tensor.shape,
    async load(dtype, view = tensor.shape, order) {
      const cast = isFloatType(type) ? tensor.cast(dtype) : tensor;
      const seen = sameShape(view, cast.shape) ? cast : cast.reshape(view);
      return order === undefined ? seen : seen.transpose(order);
    },
  };
}

/** Elements that a tensor of a file may have at most: a gigabyte and a half of float32, which no classifier comes near. */
export const mostElements: number = 3 * 2 ** 27;

/** Bytes read at a time. */
const pieceLength = 1 << 22;

/** Counts the bytes of tensors that are read. */
export class Progress {
  #total = 0;
  #done = 0;
  readonly #report: ((done: number, total: number) => void) | undefined;

  constructor(report?: (done: number, total: number) => void) {
    this.#report = report;
  }

  /** So many bytes are there to be read. */
  expect(bytes: number): void {
    this.#total += bytes;
  }

  /** So many were. */
  read(bytes: number): void {
    // What several nodes take is read for each.
    this.#done = Math.min(this.#total, this.#done + bytes);
    this.#report?.(this.#done, this.#total);
  }
}

/** A tensor of a file as a constant. FormatError naming `who` where shape, type and data do not fit each other. */
export function storedConstant(
  who: string,
  proto: TensorProto,
  source: ByteSource,
  progress?: Progress,
): Constant {
  const { dims: shape } = proto;
  const type = elementTypeOf(who, proto.type);
  const size = sizeOf(shape);
  if (!shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0) || size > mostElements)
    refuse(who, `extents of at least 0 and at most ${mostElements} elements`, formatShape(shape));
  const kind = kindOfType[type];
  if (kind === undefined) refuse(who, "a tensor of numbers", `one of ${type}`);
  const checkBytes = (length: number): void => {
    if (length !== size * kind.bytes)
      refuse(
        who,
        `${size * kind.bytes} bytes for ${type} ${formatShape(shape)}`,
        `${length}`,
        "The file is truncated or damaged.",
      );
  };
  const { raw, external } = proto;
  if (external === undefined && raw !== undefined) checkBytes(raw.length);
  const values =
    external === undefined && raw === undefined ? valuesOf(who, proto, type) : undefined;
  if (values !== undefined && values.length !== size)
    refuse(who, `${size} elements for shape ${formatShape(shape)}`, `${values.length}`);
  progress?.expect(size * kind.bytes);
  const placeOf = async (
    range: FileRange | undefined,
  ): Promise<FileRange & { source: ByteSource }> => {
    if (external === undefined) return { source, ...range! };
    const place = await externalRange(who, external, source, size * kind.bytes);
    checkBytes(place.length);
    return place;
  };
  return {
    type,
    shape,
    async load(dtype, view = shape, order) {
      const target = isFloatType(type) ? dtype : "float64";
      const elements = roomFor(who, target, size);
      const { write, unit } = placed(elements, view, order);
      if (values !== undefined) write(values, 0);
      else {
        const at = raw instanceof Uint8Array ? undefined : await placeOf(raw);
        const pieces = Math.max(1, Math.floor(pieceLength / kind.bytes / unit)) * unit;
        const buffer = new (target === "float32" ? Float32Array : Float64Array)(
          Math.min(pieces, size),
        );
        for (let first = 0; first < size; first += pieces) {
          const part = buffer.subarray(0, Math.min(pieces, size - first));
          const offset = first * kind.bytes;
          if (at !== undefined) await readElements(at.source, at.offset + offset, kind, part);
          else convert((raw as Uint8Array).subarray(offset), kind, part);
          write(part, first);
        }
        if (at !== undefined && at.source !== source) await at.source.close();
      }
      progress?.read(size * kind.bytes);
      const seen = order === undefined ? view : order.map((axis) => view[axis]!);
      return new Tensor({ shape: [...seen], dtype: target }, elements);
    },
  };
}

function roomFor(
  who: string,
  dtype: "float32" | "float64",
  size: number,
): Float32Array | Float64Array {
  try {
    return parameterElements(dtype, size);
  } catch (cause) {
    throw new FormatError(`${who}: there is no memory for its ${size} elements.`, { cause });
  }
}

/** Elements that are not raw: as numbers. */
function valuesOf(
  who: string,
  { floats, doubles, ints }: TensorProto,
  type: ElementType,
): Float32Array | Float64Array {
  const parts = type === "float" ? floats : type === "double" ? doubles : undefined;
  if (parts !== undefined) {
    const kind = type === "float" ? kinds.float32 : kinds.float64;
    const total = parts.reduce((sum, { length }) => sum + length, 0);
    if (parts.some(({ length }) => length % kind.bytes !== 0))
      refuse(who, `elements of ${kind.bytes} bytes`, `${total} bytes`);
    const values = type === "float" ? new Float32Array(total / 4) : new Float64Array(total / 8);
    let at = 0;
    for (const part of parts) {
      const count = part.length / kind.bytes;
      convert(part, kind, values.subarray(at, at + count));
      at += count;
    }
    return values;
  }
  if (type === "float16" || type === "bfloat16") {
    // The bits of each, as an integer.
    const bits = new Uint16Array(ints ?? []);
    const values = new Float32Array(bits.length);
    convert(new Uint8Array(bits.buffer), kindOfType[type]!, values);
    return values;
  }
  return new Float64Array(ints ?? []);
}

/** Where the elements lie in another file of the folder. */
async function externalRange(
  who: string,
  entries: Readonly<Record<string, string>>,
  source: ByteSource,
  expected: number,
): Promise<FileRange & { readonly source: ByteSource }> {
  const { location, offset = "0", length = String(expected) } = entries;
  const place = `${who}: external data`;
  if (location === undefined) refuse(place, "a location", "none");
  if (!/^\d{1,15}$/.test(offset) || !/^\d{1,15}$/.test(length))
    refuse(place, "offset and length in bytes", `${describe(offset)} and ${describe(length)}`);
  const file = await source.sibling(location);
  if (Number(offset) + Number(length) > file.size)
    refuse(
      place,
      `bytes ${offset} to ${Number(offset) + Number(length)} of ${location}`,
      `a file of ${file.size} bytes`,
      "The file is truncated, or another one.",
    );
  return { source: file, offset: Number(offset), length: Number(length) };
}

/** Writes elements, from the `first` on, where they belong. Pieces begin and end at multiples of `unit`. */
interface Placement {
  readonly unit: number;
  readonly write: (part: Float32Array | Float64Array, first: number) => void;
}

/** Where elements of `view`, row-major, belong in a tensor that has its axes in `order`. */
function placed(
  elements: Float32Array | Float64Array,
  view: Shape,
  order: readonly number[] | undefined,
): Placement {
  if (order === undefined || order.every((axis, index) => axis === index))
    return { unit: 1, write: (part, first) => elements.set(part, first) };
  const strides = new Array<number>(view.length);
  const extents = order.map((axis) => view[axis]!);
  for (const [index, stride] of stridesOf(extents).entries()) strides[order[index]!] = stride;
  // Kernels have their filters first in files and last here: this many rows at a time are written side by side.
  const isRows = order.at(-1) === 0;
  const axes = view
    .map((_, axis) => axis)
    .filter((axis) => view[axis] !== 1 && !(isRows && axis === 0));
  const inner = axes.map((axis) => view[axis]!);
  const steps = axes.map((axis) => strides[axis]!);
  const unit = sizeOf(inner);
  if (!isRows)
    return {
      unit: 1,
      write: (part, first) =>
        walk(inner, steps, first, part.length, (at, stride, from, count) => {
          if (stride === 1) elements.set(part.subarray(from, from + count), at);
          else for (let k = 0; k < count; k++) elements[at + k * stride] = part[from + k]!;
        }),
    };
  return {
    unit,
    write(part, first) {
      const rows = part.length / unit;
      const start = first / unit;
      walk(inner, steps, 0, unit, (at, stride, from, count) => {
        for (let k = 0; k < count; k++)
          for (let row = 0; row < rows; row++)
            elements[at + k * stride + start + row] = part[row * unit + from + k]!;
      });
    },
  };
}

/**
 * Goes through `count` elements of a row-major shape from the `first` on, in runs along its last axis: `visit` is told where a run
 * begins by `strides`, the stride within, how many elements came before, and how long it is.
 */
function walk(
  shape: Shape,
  strides: readonly number[],
  first: number,
  count: number,
  visit: (at: number, stride: number, done: number, length: number) => void,
): void {
  const extent = shape.at(-1) ?? 1;
  const sizes = stridesOf(shape);
  for (let done = 0; done < count;) {
    let rest = first + done;
    let at = 0;
    for (const [axis, size] of sizes.entries()) {
      const index = Math.floor(rest / size);
      rest -= index * size;
      at += index * strides[axis]!;
    }
    const length = Math.min(extent - ((first + done) % extent), count - done);
    visit(at, strides.at(-1) ?? 0, done, length);
    done += length;
  }
}
