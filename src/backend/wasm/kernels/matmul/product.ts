/**
 * @file One matrix product as a function: blocks of k and of columns, strips of rows, tiles. Thresholds were measured in
 * V8 on x64.
 */
import { lanesOf, packFunction, type Steps } from "../lanes.ts";
import { shallowDepth, shallowRows, shallowFunction, tileFunction } from "./tiles.ts";
import type { FunctionBuilder, Local, WasmModule } from "../../asm/index.ts";
import { forBlocks, type Moves, sharedFunction, advance, pointAt } from "../flow.ts";

/** out[i, j] = sum over k of a[i, k] * b[k, j]. Steps in elements. */
export interface Product {
  readonly dtype: "float32" | "float64";
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly a: Steps;
  readonly b: Steps;
  readonly out: Steps;
  /** Whether b lies in panels as wide as a tile, one after another: its steps are then a panel's row and, between columns, k. */
  readonly panels?: boolean;
  /** Whether every element is summed in order of k: few rows then take no shorter way. */
  readonly inOrder?: boolean | undefined;
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
  const { dtype, m, k, n, a, b } = product;
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
  return { rows, columns: 2 * count, blockK: block, blockN: block, packA, packB, shallow };
}

function isShallow({ dtype, m, k, n, out, panels, accumulate }: Product): boolean {
  if (panels || accumulate) return false;
  return k <= shallowDepth && m >= 2 && n >= 2 * lanesOf(dtype).count && out.column === 1;
}

/** Rows of a tile whose sums, or elements of a, fill at most eight registers. */
function tallest({ k }: Product, shallow: boolean): number {
  return shallow ? shallowRows(k) : 4;
}

/**
 * Columns of a tile over a strip of `rows` rows: strips of one or two rows, for which b is not packed as a rule, take wider
 * tiles, as more sums are needed to hide the latency of additions.
 */
export function columnsOf({ dtype, b, panels }: Product, plan: Plan, rows: number): number {
  const wide = !panels && !plan.packB && rows <= 2 && b.column === 1;
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

// One matrix product as a function: blocks of k and of columns, strips of rows, tiles.

/**
 * A function (a, b, out, scratch: addresses) -> nothing that computes the product; k is above 0. Scratch memory of as many
 * bytes as `scratchBytes` tells.
 */
export function productFunction(
  module: WasmModule,
  product: Product,
  plan: Plan = planOf(product),
): FunctionBuilder {
  const name = `product_${JSON.stringify([product, plan])}`;
  const params = ["i32", "i32", "i32", "i32"] as const;
  return sharedFunction(module, name, { params: [...params], results: [] }, (fn) =>
    new ProductEmitter(module, fn, product, plan).emit(),
  );
}

/** Bytes of scratch memory that a product's function wants. */
export function productScratch(product: Product): number {
  const { a, b } = scratchBytes(product, planOf(product));
  return a + b;
}

/** A block of k: how many, and whether it is the first one. */
interface Depth {
  readonly count: number;
  readonly first: boolean;
}

class ProductEmitter {
  readonly #module: WasmModule;
  readonly #fn: FunctionBuilder;
  readonly #product: Product;
  readonly #plan: Plan;
  readonly #bytes: number;
  readonly #packedA: Local;
  readonly #packedB: Local;

  constructor(module: WasmModule, fn: FunctionBuilder, product: Product, plan: Plan) {
    this.#module = module;
    this.#fn = fn;
    this.#product = product;
    this.#plan = plan;
    this.#bytes = lanesOf(product.dtype).bytes;
    this.#packedA = fn.param(3);
    this.#packedB = fn.local("i32");
    pointAt(fn, this.#packedB, this.#packedA);
    advance(fn, this.#packedB, scratchBytes(product, plan).a);
  }

  emit(): void {
    const fn = this.#fn;
    const { k, n, a, b, out } = this.#product;
    const [left, right] = [fn.param(0), fn.param(1)];
    const blocksOfK: Moves = [
      [left, a.column * this.#bytes],
      [right, b.row * this.#bytes],
    ];
    const [rightBlock, outBlock] = [fn.local("i32"), fn.local("i32")];
    const blocksOfN: Moves = [
      [rightBlock, b.column * this.#bytes],
      [outBlock, out.column * this.#bytes],
    ];
    const blockOfK = (count: number, first: boolean): void => {
      pointAt(fn, rightBlock, right);
      pointAt(fn, outBlock, fn.param(2));
      forBlocks(fn, n, this.#plan.blockN, blocksOfN, (width) => {
        if (this.#plan.packB) this.#packB(rightBlock, count, width);
        this.#strips(left, rightBlock, outBlock, { count, first }, width);
      });
    };
    forBlocks(fn, k, this.#plan.blockK, blocksOfK, blockOfK, true);
  }

  /** Packs a block of b into panels as wide as a tile, one after another. */
  #packB(block: Local, depth: number, width: number): void {
    const fn = this.#fn;
    const { dtype, b } = this.#product;
    const panel = this.#plan.columns;
    const [from, to] = [fn.local("i32"), fn.local("i32")];
    const moves: Moves = [
      [from, b.column * this.#bytes],
      [to, depth * this.#bytes],
    ];
    pointAt(fn, from, block);
    pointAt(fn, to, this.#packedB);
    forBlocks(fn, width, panel, moves, (columns) => {
      fn.get(from);
      fn.get(to);
      fn.call(packFunction(this.#module, { dtype, k: depth, width: columns, panel, from: b }));
    });
  }

  /** Strips of rows, each over all the tiles of the block. */
  #strips(left: Local, right: Local, outBlock: Local, depth: Depth, width: number): void {
    const fn = this.#fn;
    const { m, a, out } = this.#product;
    const [leftStrip, outStrip] = [fn.local("i32"), fn.local("i32")];
    const moves: Moves = [
      [leftStrip, a.row * this.#bytes],
      [outStrip, out.row * this.#bytes],
    ];
    pointAt(fn, leftStrip, left);
    pointAt(fn, outStrip, outBlock);
    forBlocks(fn, m, this.#plan.rows, moves, (rows) => {
      if (this.#plan.packA) this.#packA(leftStrip, depth.count, rows);
      this.#tiles(
        this.#plan.packA ? this.#packedA : leftStrip,
        right,
        outStrip,
        depth,
        rows,
        width,
      );
    });
  }

  #packA(strip: Local, depth: number, rows: number): void {
    const fn = this.#fn;
    const { dtype, a } = this.#product;
    const from = { row: a.column, column: a.row };
    fn.get(strip);
    fn.get(this.#packedA);
    fn.call(
      packFunction(this.#module, { dtype, k: depth, width: rows, panel: this.#panelA(rows), from }),
    );
  }

  /** Elements a line of a packed strip of a. */
  #panelA(rows: number): number {
    const { count } = lanesOf(this.#product.dtype);
    return Math.ceil(rows / count) * count;
  }

  #tiles(
    left: Local,
    block: Local,
    outStrip: Local,
    depth: Depth,
    rows: number,
    width: number,
  ): void {
    const fn = this.#fn;
    const { dtype, out, panels, accumulate } = this.#product;
    const { packA, packB, shallow, columns: panel } = this.#plan;
    const [right, outTile] = [fn.local("i32"), fn.local("i32")];
    const a = packA ? { row: 1, column: this.#panelA(rows) } : this.#product.a;
    const inPanels = packB || panels === true;
    const b = inPanels ? { row: panel, column: 1 } : this.#product.b;
    const { count: k, first } = depth;
    const rightStep = packB ? k : this.#product.b.column;
    const call = (target: FunctionBuilder): void => {
      fn.get(left);
      fn.get(right);
      fn.get(outTile);
      fn.call(target);
    };
    pointAt(fn, right, packB ? this.#packedB : block);
    pointAt(fn, outTile, outStrip);
    let rest = width;
    if (shallow && width >= panel) {
      const panels = Math.floor(width / panel);
      const spec = {
        dtype,
        rows,
        columns: panel,
        panels,
        k,
        a,
        bRow: b.row,
        bPanel: panel * rightStep,
        outRow: out.row,
      };
      call(shallowFunction(this.#module, spec));
      advance(fn, right, panels * panel * rightStep * this.#bytes);
      advance(fn, outTile, panels * panel * this.#bytes);
      rest = width % panel;
    }
    const moves: Moves = [
      [right, rightStep * this.#bytes],
      [outTile, out.column * this.#bytes],
    ];
    forBlocks(fn, rest, columnsOf(this.#product, this.#plan, rows), moves, (columns) => {
      call(
        tileFunction(this.#module, {
          dtype,
          rows,
          columns,
          k,
          a,
          b,
          out,
          padded: inPanels,
          accumulate: accumulate === true || !first,
        }),
      );
    });
  }
}
