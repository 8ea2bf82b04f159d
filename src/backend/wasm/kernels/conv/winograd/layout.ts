// Where the tiles of images and the planes of transformed numbers lie.
//
// A transformed tile of 6 x 6 has 36 numbers for each channel; number e of all tiles and channels forms plane e, and the planes are
// the operands of 36 matrix products. In a plane neighbouring vectors of four belong to the four tiles of a strip, so that a
// strip of the product's left operand is read from consecutive cache lines.
import { type ComputedConv, panelWidth, winogradForm } from "../../../../../ir/conv.ts";

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
