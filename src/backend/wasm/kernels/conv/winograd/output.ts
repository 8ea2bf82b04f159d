/** @file Tiles of products are brought back to pixels of the result. */
import type { FunctionBuilder, Local } from "../../../asm/index.ts";
import type { PhaseContext } from "../../../emit.ts";
import type { ConvWork } from "../../../../../ir/kernel.ts";
import { type Epilogue, epilogueOf } from "../epilogue.ts";
import {
  addScaled,
  copyOf,
  divided,
  forRange,
  scaled,
  repeat,
  advance,
  pointAt,
} from "../../flow.ts";
import {
  lineBytes,
  panelFilters,
  stripTiles,
  tilesOf,
  vectorBytes,
  type Placement,
  placementOf,
} from "./layout.ts";
import { outputMatrix, type Transform, forVectors, Vectors } from "./matrices.ts";
import { largestTile, winogradForm } from "../../../target.ts";

/** Vectors of filters at once: a cache line of a pixel. */
const atOnce = 4;

/** Bytes of a tile transformed along one axis. */
export const outputScratch: number = largestTile * largestTile * lineBytes;

/** Where the products lie, in bytes: [plane][panel][tile][8 filters]. */
export interface Products {
  readonly plane: number;
  readonly panel: number;
}

/** A block of products that is brought back. */
export interface Block {
  /** Address of the products of the first strip and the first filter. */
  readonly products: Local;
  /** Number of the first strip, and that after the last. */
  readonly from: Local;
  readonly to: Local;
  /** Address of `outputScratch` bytes. */
  readonly scratch: Local;
}

/**
 * A function (the parameters of `like`, then those of `Block` in order) -> nothing that transforms a block and finishes the
 * results. It is not shared: an epilogue knows values by the parameters of the kernel's function.
 */
export function outputFunction(
  context: PhaseContext,
  like: FunctionBuilder,
  work: ConvWork,
  products: Products,
): FunctionBuilder {
  const { params, name } = like.handle;
  const fn = context.module.func(`${name}_output`, {
    params: [...params, "i32", "i32", "i32", "i32"],
    results: [],
  });
  const [first, from, to, scratch] = [0, 1, 2, 3].map((i) => fn.param(params.length + i)) as [
    Local,
    Local,
    Local,
    Local,
  ];
  const block = { products: first, from, to, scratch };
  new OutputEmitter(context, fn, work, products, block).emit();
  return fn;
}

class OutputEmitter {
  readonly #fn: FunctionBuilder;
  readonly #work: ConvWork;
  readonly #products: Products;
  readonly #block: Block;
  readonly #vectors: Vectors;
  readonly #epilogue: Epilogue;
  readonly #placement: Placement;
  /** Side of a tile of products and of one of outputs, and the matrix that makes them. */
  readonly #side: number;
  readonly #outputs: number;
  readonly #matrix: Transform;

  constructor(
    context: PhaseContext,
    fn: FunctionBuilder,
    work: ConvWork,
    products: Products,
    block: Block,
  ) {
    this.#fn = fn;
    this.#work = work;
    this.#products = products;
    this.#block = block;
    this.#vectors = new Vectors(fn);
    this.#epilogue = epilogueOf(context, fn, work);
    this.#placement = placementOf(work);
    const { tile, outputs } = winogradForm(work);
    this.#side = tile;
    this.#outputs = outputs;
    this.#matrix = outputMatrix(tile, outputs);
  }

  emit(): void {
    const fn = this.#fn;
    const { run, places } = this.#placement;
    const tiles = tilesOf(this.#work);
    const { from: strip, to, products } = this.#block;
    const [group, filter] = [fn.local("i32"), fn.local("i32")];
    const moves = [
      [group, this.#products.panel / (panelFilters / 4)],
      [filter, vectorBytes],
    ] as const;
    forRange(fn, strip, to, 1, () => {
      pointAt(fn, group, products);
      for (const place of places) {
        pointAt(fn, filter, place);
        forVectors(fn, run, atOnce, moves, (widths) => {
          const [tile, at] = [scaled(fn, strip, stripTiles), copyOf(fn, group)];
          repeat(fn, stripTiles, () => {
            const each = (): void => this.#tile(tile, at, filter, widths);
            if (tiles.count % stripTiles === 0) each();
            else {
              fn.get(tile);
              fn.i32(tiles.count);
              fn.op("i32.lt_u");
              fn.if(each);
            }
            advance(fn, tile, 1);
            advance(fn, at, panelFilters * 4);
          });
        });
      }
      advance(fn, products, stripTiles * panelFilters * 4);
    });
  }

  #tile(tile: Local, products: Local, filter: Local, widths: readonly number[]): void {
    const fn = this.#fn;
    this.#downColumns(products, widths.length);
    const placement = this.#placement;
    const { rows, columns } = tilesOf(this.#work);
    const across = divided(fn, tile, columns);
    const down = divided(fn, across.quotient, rows);
    const row = scaled(fn, down.rest, this.#outputs);
    const column = scaled(fn, across.rest, this.#outputs);
    const at = copyOf(fn, filter);
    addScaled(fn, at, down.quotient, placement.image);
    addScaled(fn, at, row, placement.row);
    addScaled(fn, at, column, placement.pixel);
    this.#alongRows({ row, column, at, filter }, widths);
  }

  #downColumns(products: Local, vectors: number): void {
    const fn = this.#fn;
    const v = this.#vectors;
    const { plane, panel } = this.#products;
    const [from, to] = [fn.local("i32"), fn.local("i32")];
    pointAt(fn, from, products);
    pointAt(fn, to, this.#block.scratch);
    repeat(fn, this.#side, () => {
      for (let vector = 0; vector < vectors; vector++) {
        const at = Math.floor(vector / 2) * panel + (vector % 2) * vectorBytes;
        const column = Array.from({ length: this.#side }, (_, y) =>
          v.load(from, y * this.#side * plane + at),
        );
        this.#matrix(v, column).forEach((element, y) =>
          v.store(to, y * this.#side * lineBytes + vector * vectorBytes, element),
        );
      }
      advance(fn, from, plane);
      advance(fn, to, lineBytes);
    });
  }

  /** Finishes a tile's rows that are in the result. */
  #alongRows(
    { row, column, at, filter }: { row: Local; column: Local; at: Local; filter: Local },
    widths: readonly number[],
  ): void {
    const fn = this.#fn;
    const { outHeight } = this.#work.shape;
    const { row: rowStep, pixel } = this.#placement;
    const from = fn.local("i32");
    pointAt(fn, from, this.#block.scratch);
    const ragged = outHeight % this.#outputs > 0;
    fn.block((done) => {
      repeat(fn, this.#outputs, () => {
        if (ragged) {
          fn.get(row);
          fn.i32(outHeight);
          fn.op("i32.ge_u");
          fn.brIf(done);
          advance(fn, row, 1);
        }
        widths.forEach((width, vector) =>
          this.#row(from, vector, column, (element, x) =>
            this.#epilogue.finish(
              element,
              at,
              x * pixel + vector * vectorBytes,
              filter,
              vector * vectorBytes,
              width,
            ),
          ),
        );
        advance(fn, from, this.#side * lineBytes);
        advance(fn, at, rowStep);
      });
    });
  }

  #row(
    from: Local,
    vector: number,
    column: Local,
    finish: (element: Local, x: number) => void,
  ): void {
    const fn = this.#fn;
    const v = this.#vectors;
    const { outWidth } = this.#work.shape;
    const row = Array.from({ length: this.#side }, (_, x) =>
      v.load(from, x * lineBytes + vector * vectorBytes),
    );
    const elements = this.#matrix(v, row);
    fn.block((done) => {
      elements.forEach((element, x) => {
        if (x > 0 && outWidth % this.#outputs > 0) {
          fn.get(column);
          fn.i32(Math.max(0, outWidth - x));
          fn.op("i32.ge_u");
          fn.brIf(done);
        }
        finish(element, x);
      });
    });
  }
}
