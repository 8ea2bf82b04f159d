/**
 * @file The elements of HDF5's datasets: in one piece, within the header, or in chunks, with their filters undone (specification,
 * sections IV.A.2.i and l).
 */
import { inflate } from "../zip.ts";
import { type Cursor, type Hdf5File, nowhere } from "./file.ts";
import { sizeOf, stridesOf } from "../../ir/shape.ts";
import { convert, readElements } from "../elements.ts";
import {
  leavesOf,
  type ElementType,
  type Message,
  kindsOfMessage,
  readExtents,
  readType,
} from "./messages.ts";

/** Undoes one filter; `length` is that of the chunk when all are undone. */
export type Filter = (place: string, bytes: Uint8Array, length: number) => Uint8Array;

/** The filters in the order in which they were applied. FormatError for those that are not known. */
export function readFilters(message: Cursor | undefined, elementBytes: number): readonly Filter[] {
  if (message === undefined) return [];
  message.position = 0;
  const version = message.uint(1);
  const count = message.uint(1);
  if (version !== 1 && version !== 2) message.fail("filters of version 1 or 2", String(version));
  if (version === 1) message.skip(6);
  let isChecked = false;
  return Array.from({ length: count }, () => {
    const id = message.uint(2);
    const nameLength = version === 1 || id >= 256 ? message.uint(2) : 0;
    message.skip(2);
    const values = message.uint(2);
    message.skip(version === 1 ? (nameLength + 7) & ~7 : nameLength).skip(4 * values);
    if (version === 1 && values % 2 === 1) message.skip(4);
    if (id === 1) {
      // Checks that were added before it are among what it unpacks.
      const more = isChecked ? 4 : 0;
      return (place, bytes, length): Uint8Array => inflate(place, bytes, length + more, "zlib");
    }
    if (id === 2) return (_place, bytes): Uint8Array => unshuffled(bytes, elementBytes);
    if (id === 3) {
      isChecked = true;
      return (_place, bytes): Uint8Array => bytes.subarray(0, Math.max(0, bytes.length - 4));
    }
    return message.fail("deflate, shuffle or fletcher32 as filters", `filter ${id}`, "");
  });
}

/** All first bytes, then all second ones, ...: each element's bytes together again. */
function unshuffled(bytes: Uint8Array, width: number): Uint8Array {
  const count = Math.floor(bytes.length / width);
  const result = bytes.slice();
  for (let byte = 0; byte < width; byte++)
    for (let index = 0; index < count; index++)
      result[index * width + byte] = bytes[byte * count + index]!;
  return result;
}

interface Chunked {
  readonly shape: readonly number[];
  /** Extents of a chunk; those at the end reach beyond. */
  readonly chunk: readonly number[];
  readonly tree: number;
  readonly type: ElementType & { readonly is: "number" };
  readonly filters: readonly Filter[];
}

/** Reads all elements. FormatError unless every chunk is there once. */
export async function readChunks(
  file: Hdf5File,
  place: string,
  { shape, chunk, tree, type, filters }: Chunked,
  elements: Float32Array | Float64Array,
): Promise<void> {
  const size = sizeOf(chunk);
  const bytes = size * type.bytes;
  // A chunk is unpacked whole.
  if (!chunk.every((extent, axis) => extent > 0 && extent <= shape[axis]!))
    file.fail(place, `chunks within [${shape.join(", ")}]`, `[${chunk.join(", ")}]`);
  const counts = shape.map((extent, axis) => Math.ceil(extent / chunk[axis]!));
  const seen = new Set<string>();
  const values = new Float64Array(size);
  const keyLength = 8 + 8 * (shape.length + 1);
  for await (const { key, child } of leavesOf(file, place, tree, 1, keyLength)) {
    const stored = key.uint32();
    const skipped = key.uint32();
    const start = shape.map(() => key.uint(8));
    const isPlace = start.every((from, axis) => {
      const extent = chunk[axis]!;
      return from % extent === 0 && from < shape[axis]!;
    });
    if (!isPlace || seen.has(start.join()))
      file.fail(place, "chunks beside one another", `one at [${start.join(", ")}]`);
    seen.add(start.join());
    const packed = (await file.at(place, child, stored)).bytes;
    const plain = filters.reduceRight(
      (now, undo, index) => (skipped & (1 << index) ? now : undo(place, now, bytes)),
      packed,
    );
    if (plain.length < bytes) file.fail(place, `chunks of ${bytes} bytes`, `${plain.length}`);
    convert(plain, type.kind, values, type.little);
    put(values, chunk, start, elements, shape);
  }
  if (seen.size !== sizeOf(counts))
    file.fail(place, `${sizeOf(counts)} chunks`, `${seen.size}`, "The file is incomplete.");
}

/** Copies a chunk to its place, row by row. */
function put(
  values: Float64Array,
  chunk: readonly number[],
  start: readonly number[],
  target: Float32Array | Float64Array,
  shape: readonly number[],
): void {
  const rank = shape.length;
  if (rank === 0) {
    target[0] = values[0]!;
    return;
  }
  const last = rank - 1;
  const row = Math.min(chunk[last]!, shape[last]! - start[last]!);
  const strides = stridesOf(shape);
  const rows = sizeOf(chunk.slice(0, -1));
  const index = new Array<number>(last).fill(0);
  for (let number = 0; number < rows; number++) {
    const isInside = index.every((at, axis) => start[axis]! + at < shape[axis]!);
    if (isInside) {
      const to = index.reduce(
        (sum, at, axis) => sum + (start[axis]! + at) * strides[axis]!,
        start[last]!,
      );
      const from = number * chunk[last]!;
      target.set(values.subarray(from, from + row), to);
    }
    for (let axis = last - 1; axis >= 0; axis--) {
      if (++index[axis]! < chunk[axis]!) break;
      index[axis] = 0;
    }
  }
}

/** Elements that are not yet read. */
export interface Dataset {
  readonly shape: readonly number[];
  /** Reads all as floats. */
  readInto(elements: Float32Array | Float64Array): Promise<void>;
}

/** What the messages of a dataset say of its elements. FormatError for layouts that Keras does not write. */
export async function readDataset(
  file: Hdf5File,
  place: string,
  messages: readonly Message[],
): Promise<Dataset> {
  const bodyOf = (kind: number, what: string): Message["body"] => {
    const message = messages.find((one) => one.kind === kind);
    if (message === undefined) return file.fail(place, `a dataset with ${what}`, "none");
    message.body.position = 0;
    return message.body;
  };
  const type = readType(bodyOf(kindsOfMessage.datatype, "a type"));
  const shape = readExtents(bodyOf(kindsOfMessage.dataspace, "extents"));
  if (type.is !== "number" || shape === undefined)
    return file.fail(place, "numbers", type.is === "number" ? "nothing" : "texts", "");
  const { kind, little, bytes } = type;
  const body = bodyOf(kindsOfMessage.layout, "a layout");
  const size = sizeOf(shape);
  const version = body.uint(1);
  const layout = body.uint(1);
  if (version !== 3 && !(version === 4 && layout < 2))
    return file.fail(
      place,
      "a layout of version 3",
      `version ${version}`,
      'Write the file with libver="earliest".',
    );
  if (layout === 0) {
    const data = body.part(body.uint(2)).bytes;
    if (data.length < size * bytes) body.fail(`${size * bytes} bytes`, String(data.length));
    return {
      shape,
      readInto: async (elements) => convert(data, kind, elements, little),
    };
  }
  if (layout === 1) {
    const address = body.address();
    const length = body.length();
    // Elements that were never written have no address, and are 0.
    if (address !== nowhere && length < size * bytes)
      body.fail(`${size * bytes} bytes`, String(length));
    if (address !== nowhere) await file.at(place, address + size * bytes, 0);
    return {
      shape,
      readInto: (elements) =>
        address === nowhere
          ? file.fail(place, "elements", "none: they were never written")
          : readElements(file.source, file.base + address, kind, elements, little),
    };
  }
  if (layout !== 2) return body.fail("a dataset in one piece or chunks", `layout ${layout}`);
  const rank = body.uint(1) - 1;
  const tree = body.address();
  if (rank !== shape.length) body.fail(`chunks of ${shape.length} axes`, String(rank));
  const chunk = shape.map(() => body.uint32());
  const filters = readFilters(
    messages.find((one) => one.kind === kindsOfMessage.filters)?.body,
    bytes,
  );
  return {
    shape,
    readInto: (elements) =>
      readChunks(file, place, { shape, chunk, tree, type, filters }, elements),
  };
}
