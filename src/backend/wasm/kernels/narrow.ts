// Products with at most one vector of columns whose left operand lies along k, as dot products.
import type { FunctionBuilder, WasmModule } from "../asm/index.ts";
import { dotRows, dotTileFunction } from "./dot-tile.ts";
import { forBlocks, type Moves, repeat, sharedFunction } from "./flow.ts";
import { type Lanes, lanesOf } from "./lanes.ts";
import type { Product } from "./plan.ts";
import { advance, pointAt } from "./pointers.ts";

/** Whether a product is one for this file: narrow, its left operand along k, its right one too or worth turning. */
export function isNarrow({ m, a, b, out, partials }: Product): boolean {
  return partials > 1 && a.column === 1 && out.column === 1 && (b.row === 1 || m >= 4);
}

/** Bytes of scratch memory for columns of b laid along k. */
export function narrowScratch({ dtype, k, n, b }: Product): number {
  return b.row === 1 ? 0 : k * n * lanesOf(dtype).bytes;
}

/** A function (a, b, out, scratch: addresses) -> nothing that computes the product. */
export function narrowFunction(module: WasmModule, product: Product): FunctionBuilder {
  const name = `narrow_${JSON.stringify(product)}`;
  const params = ["i32", "i32", "i32", "i32"] as const;
  return sharedFunction(module, name, { params: [...params], results: [] }, (fn) =>
    emitNarrow(module, fn, product),
  );
}

function emitNarrow(module: WasmModule, fn: FunctionBuilder, product: Product): void {
  const { dtype, m, k, n, a, b } = product;
  const lanes = lanesOf(dtype);
  const [left, right, out, scratch] = [fn.param(0), fn.param(1), fn.param(2), fn.param(3)];
  const turns = b.row !== 1;
  if (turns) {
    fn.get(right);
    fn.get(scratch);
    fn.call(turnFunction(module, lanes, product));
    pointAt(fn, right, scratch);
  }
  const bColumn = turns ? k : b.column;
  const moves: Moves = [
    [left, a.row * lanes.bytes],
    [out, n * lanes.bytes],
  ];
  forBlocks(fn, m, dotRows(dtype, n), moves, (rows) => {
    for (const pointer of [left, right, out]) fn.get(pointer);
    fn.call(dotTileFunction(module, { dtype, rows, columns: n, k, aRow: a.row, bColumn }));
  });
}

const unroll = 4;

/** A function (b, to: addresses) -> nothing that lays its columns along k, one after another. */
function turnFunction(module: WasmModule, lanes: Lanes, { k, n, b }: Product): FunctionBuilder {
  const { bytes } = lanes;
  const name = `turn_${bytes}_${k}x${n}_${b.row}_${b.column}`;
  const type = bytes === 4 ? "i32" : "i64";
  return sharedFunction(module, name, { params: ["i32", "i32"], results: [] }, (fn) => {
    const [from, to] = [fn.param(0), fn.param(1)];
    const lowest = Math.min(0, (n - 1) * b.column) * bytes;
    advance(fn, from, lowest);
    const lines = (count: number): void => {
      for (let u = 0; u < count; u++) {
        for (let j = 0; j < n; j++) {
          fn.get(to);
          fn.get(from);
          fn.load(`${type}.load`, j * b.column * bytes - lowest);
          fn.store(`${type}.store`, (u + j * k) * bytes);
        }
        advance(fn, from, b.row * bytes);
      }
      advance(fn, to, count * bytes);
    };
    repeat(fn, Math.floor(k / unroll), () => lines(unroll));
    lines(k % unroll);
  });
}
