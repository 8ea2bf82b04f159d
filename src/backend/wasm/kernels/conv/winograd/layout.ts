/**
 * @file Where the tiles of images, the planes of transformed numbers and the pixels of results lie, and how the work is
 * cut into chunks.
 *
 * A transformed tile of 6 x 6 has 36 numbers for each channel; number e of all tiles and channels forms plane e, and the planes are
 * the operands of 36 matrix products. In a plane neighbouring vectors of four belong to the four tiles of a strip, so that a
 * strip of the product's left operand is read from consecutive cache lines.
 */
import type { ComputedConv } from "../../../../../ir/conv.ts";
import type { FunctionBuilder, Local } from "../../../asm/index.ts";
import type { ConvWork } from "../../../../../ir/kernel.ts";
import { panelWidth, winogradForm } from "../../../target.ts";

/** Numbers of a transformed tile. */
export function planesOf(work: ComputedConv): number {
  return winogradForm(work).tile ** 2;
}

/** Tiles that a product takes at once: the rows of its tile. */
export const stripTiles = 4;

/** Filters that a product takes at once: the columns of its tile. */
export const panelFilters: number = panelWidth("float32");

/** Channels, or filters, with those that fill up the last vector. */
export function inVectors(elements: number): number {
  return Math.ceil(elements / 4) * 4;
}

/** Filters with those that fill up the last panel. */
export function inPanels(filters: number): number {
  return Math.ceil(filters / panelFilters) * panelFilters;
}

/** Bytes of a vector, and of a channel's four tiles or four channels' tile: a cache line. */
export const vectorBytes = 16;
export const lineBytes = 64;

/** Tiles of outputs: in one image, and in all. */
export interface Tiles {
  readonly rows: number;
  readonly columns: number;
  readonly count: number;
  readonly strips: number;
}

export function tilesOf(work: ComputedConv): Tiles {
  const { outputs } = winogradForm(work);
  const rows = Math.ceil(work.shape.outHeight / outputs);
  const columns = Math.ceil(work.shape.outWidth / outputs);
  const count = work.shape.batch * rows * columns;
  return { rows, columns, count, strips: Math.ceil(count / stripTiles) };
}

/**
 * Bytes from plane to plane, for planes of `elements` elements: a cache line more than they take, as the planes' same
 * elements are used together and would else compete for the same few lines of the cache.
 */
export function planeBytes(elements: number): number {
  return Math.ceil((4 * elements) / lineBytes) * lineBytes + lineBytes;
}

// Work cut into chunks, and loops whose bounds are known only when they run.

/** Into how many chunks to cut `units` of work of `flops` floating-point operations each: at least ~20 us of work a chunk. */
export function chunksOf(units: number, flops: number, most: number = 32): number {
  return Math.max(1, Math.min(units, most, Math.floor((units * flops) / 500_000)));
}

/** The size of the fewest equal parts of `total` that are at most `most` each, or one unit; a multiple of `unit`. */
export function evenly(total: number, most: number, unit: number): number {
  const parts = Math.ceil(total / Math.max(unit, most));
  return Math.ceil(total / parts / unit) * unit;
}

/** The units [from, to) of a chunk; shares differ by at most one. */
export function chunkRange(
  fn: FunctionBuilder,
  chunk: Local,
  units: number,
  chunks: number,
): { from: Local; to: Local } {
  const bound = (next: number): Local => {
    const local = fn.local("i32");
    fn.get(chunk);
    fn.i32(next);
    fn.op("i32.add");
    fn.i32(units);
    fn.op("i32.mul");
    fn.i32(chunks);
    fn.op("i32.div_u");
    fn.set(local);
    return local;
  };
  return { from: bound(0), to: bound(1) };
}

/** A new local: base + index * bytes. */
export function placeAt(
  fn: FunctionBuilder,
  base: Local | number,
  index: Local,
  bytes: number,
): Local {
  const place = fn.local("i32");
  fn.get(index);
  fn.i32(bytes);
  fn.op("i32.mul");
  if (typeof base === "number") fn.i32(base | 0);
  else fn.get(base);
  fn.op("i32.add");
  fn.set(place);
  return place;
}

// Where the pixels of a result go: side by side, or, where the epilogue is a copy into another order, as that says.

/** Distances in bytes. */
export interface Placement {
  readonly image: number;
  readonly row: number;
  readonly pixel: number;
  /** Filters that stay together, and where each run of so many begins. */
  readonly run: number;
  readonly places: readonly number[];
}

export function placementOf({ shape, out, epilogue }: ConvWork): Placement {
  const { filters, outHeight, outWidth } = shape;
  const [row, image] = [outWidth * filters, outHeight * outWidth * filters];
  const [load, ...others] = epilogue?.body ?? [];
  const [store] = epilogue?.stores ?? [];
  const plain = { image: 4 * image, row: 4 * row, pixel: 4 * filters, run: filters, places: [0] };
  if (load?.kind !== "load" || load.value !== out || others.length > 0) return plain;
  const axes = epilogue!.extents
    .map((extent, axis) => ({
      extent,
      from: load.view.strides[axis]!,
      to: 4 * store!.view.strides[axis]!,
    }))
    .filter(({ extent }) => extent > 1);
  const stepOf = (from: number): number => axes.find((axis) => axis.from === from)?.to ?? 0;
  const runs = axes.filter(({ from }) => from > 1 && from < filters);
  const places = runs
    .sort((a, b) => b.from - a.from)
    .reduce(
      (starts, { extent, to }) =>
        starts.flatMap((start) => Array.from({ length: extent }, (_, i) => start + i * to)),
      [0],
    );
  return {
    image: stepOf(image),
    row: stepOf(row),
    pixel: stepOf(filters),
    run: filters / places.length,
    places,
  };
}
