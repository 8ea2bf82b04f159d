// How the work of a matrix product is cut into chunks, which threads may share.
import { type Cut, cut } from "./chunks.ts";
import { lanesOf } from "./lanes.ts";
import { isNarrow } from "./narrow.ts";
import { type Product, planOf } from "./plan.ts";
import { isThin, thinParts } from "./thin.ts";

/**
 * Chunks run along the first axis of the batch, along rows, or along columns of the result; `panels`: b is laid out in panels
 * by a first phase, chunk by chunk, and then shared by chunks of rows; `depth`: chunks of k, whose sums a second phase adds.
 */
export type Sharing =
  | { readonly along: "batch" | "rows" | "columns"; readonly chunks: Cut }
  | { readonly along: "panels"; readonly panels: Cut; readonly chunks: Cut }
  | { readonly along: "depth"; readonly chunks: Cut };

/** Multiplications that are worth a chunk: some five microseconds. Claiming one takes a tenth of one. */
const chunkWork = 130_000;
const mostChunks = 16;
/** Larger operands are packed block by block, in every chunk. */
const mostPacked = 64 * 1024 * 1024;

/** The sharing of a product over a batch with these extents. Nothing in it changes the order in which an element is summed. */
export function sharingOf(batch: readonly number[], product: Product): Sharing {
  const { dtype, m, k, n, b } = product;
  const { count, bytes } = lanesOf(dtype);
  const work = m * k * n;
  const along = (
    direction: "batch" | "rows" | "columns",
    total: number,
    unitWork: number,
    unit = 1,
  ): Sharing => ({
    along: direction,
    chunks: cut(total, Math.ceil(chunkWork / unitWork), mostChunks, unit),
  });
  if (batch.length > 0) {
    const inner = batch.slice(1).reduce((size, extent) => size * extent, 1);
    return along("batch", batch[0]!, work * inner);
  }
  const rows = along("rows", m, k * n, 4);
  if (isNarrow(product)) return rows;
  if (isThin(product)) {
    const parts = thinParts(product);
    return parts.count > 1 ? { along: "depth", chunks: parts } : rows;
  }
  const columns = along("columns", n, k * m, 8 * count);
  if (columns.chunks.count > rows.chunks.count) return columns;
  const packs = planOf(product).packB && product.partials === 1 && rows.chunks.count > 1;
  if (!packs || k * n * bytes > mostPacked || b.row < 0 || b.column < 0) return rows;
  const panels = Math.ceil(n / (2 * count));
  return {
    along: "panels",
    panels: cut(panels, Math.ceil(20_000 / (k * 2 * count)), mostChunks),
    chunks: rows.along === "rows" ? rows.chunks : cut(m, m, 1),
  };
}
