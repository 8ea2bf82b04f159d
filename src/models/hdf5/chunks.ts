/** @file Datasets of HDF5 in chunks: each is found, unpacked, and put where it belongs. */
import { sizeOf, stridesOf } from "../../ir/shape.ts";
import { convert } from "../elements.ts";
import type { Hdf5File } from "./file.ts";
import type { Filter } from "./filters.ts";
import { leavesOf } from "./links.ts";
import type { ElementType } from "./types.ts";

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
