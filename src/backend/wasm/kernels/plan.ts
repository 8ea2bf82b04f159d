// How a matrix product is cut into blocks, and which operands are packed. Thresholds were measured in V8 on x64.
import { lanesOf } from "./lanes.ts";
import { shallowDepth, shallowRows } from "./shallow-tile.ts";
import type { Steps } from "./tile.ts";

/** out[i, j] = sum over k of a[i, k] * b[k, j]. Steps in elements. */
export interface Product {
  readonly dtype: "float32" | "float64";
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly a: Steps;
  readonly b: Steps;
  readonly out: Steps;
  /** Interleaved partial sums of an element, 1 or 4. */
  readonly partials: number;
  /** Whether b lies in panels as wide as a tile, one after another: its steps are then a panel's row and, between columns, k. */
  readonly panels?: boolean;
  /** Whether the product is added to what the result holds. */
  readonly accumulate?: boolean;
}

/** Rows and columns of a tile, blocks of k and n that stay in the caches, operands copied to scratch memory. */
export interface Plan {
  readonly rows: number;
  readonly columns: number;
  readonly blockK: number;
  readonly blockN: number;
  readonly packA: boolean;
  readonly packB: boolean;
  /** Whether strips are computed whole, the elements of a in registers: see shallow-tile.ts. */
  readonly shallow: boolean;
}

/** A packed block of b, at most 256 x 256, fits a second-level cache of 256 KiB (512 KiB in float64). */
const block = 256;

/** The plan of a product. Nothing in it changes the order in which an element is summed. */
export function planOf(product: Product): Plan {
  const { dtype, m, k, n, a, b, partials } = product;
  const { count } = lanesOf(dtype);
  const shallow = isShallow(product);
  // Packing b costs about as much as a few rows of the product.
  const packB = product.panels
    ? false
    : b.column === 1
      ? !shallow && m >= (k * n > 65536 ? 12 : 24)
      : m >= 2;
  // Strips of a whose lines lie far apart are gathered once, when several tiles read them.
  const packA = !shallow && a.column > 16 && n >= 8 * count;
  const rows = Math.min(m, tallest(product, shallow));
  const vectors = partials > 1 && rows > 1 ? 1 : 2;
  // Partial sums would end with each block: they run over the whole of k, of which narrow products hold little.
  const blockK = partials > 1 ? k : block;
  return { rows, columns: vectors * count, blockK, blockN: block, packA, packB, shallow };
}

function isShallow({ dtype, m, k, n, out, panels, accumulate }: Product): boolean {
  if (panels || accumulate) return false;
  return k <= shallowDepth && m >= 2 && n >= 2 * lanesOf(dtype).count && out.column === 1;
}

/** Rows of a tile whose sums, or elements of a, fill at most eight registers. */
function tallest({ k, partials }: Product, shallow: boolean): number {
  if (shallow) return shallowRows(k);
  return partials > 1 ? 2 : 4;
}

/**
 * Columns of a tile over a strip of `rows` rows: strips of one or two rows, for which b is not packed as a rule, take wider
 * tiles, as more sums are needed to hide the latency of additions.
 */
export function columnsOf(
  { dtype, partials, b, panels }: Product,
  plan: Plan,
  rows: number,
): number {
  const wide = !panels && !plan.packB && partials === 1 && rows <= 2 && b.column === 1;
  return wide ? 4 * lanesOf(dtype).count : plan.columns;
}

/** Bytes of scratch memory for the packed strip of a and the packed block of b. */
export function scratchBytes({ dtype, k, n }: Product, plan: Plan): { a: number; b: number } {
  const { bytes, count } = lanesOf(dtype);
  const depth = Math.min(k, plan.blockK);
  const panels = Math.ceil(Math.min(n, plan.blockN) / plan.columns);
  return {
    a: plan.packA ? Math.ceil(plan.rows / count) * count * depth * bytes : 0,
    b: plan.packB ? panels * plan.columns * depth * bytes : 0,
  };
}
