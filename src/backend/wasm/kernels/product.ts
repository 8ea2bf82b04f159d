// One matrix product as a function: blocks of k and of columns, strips of rows, tiles.
import type { FunctionBuilder, Local, WasmModule } from "../asm/index.ts";
import { forBlocks, type Moves, sharedFunction } from "./flow.ts";
import { lanesOf } from "./lanes.ts";
import { packFunction } from "./pack.ts";
import { columnsOf, type Plan, planOf, type Product, scratchBytes } from "./plan.ts";
import { advance, pointAt } from "./pointers.ts";
import { shallowFunction } from "./shallow-tile.ts";
import { tileFunction } from "./tile.ts";

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
    const { dtype, partials, out, panels, accumulate } = this.#product;
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
          partials,
        }),
      );
    });
  }
}
