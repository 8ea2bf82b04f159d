// The matrix products in a plane: a panel of the right operand against all strips of the left one.
import type { FunctionBuilder, Local, WasmModule } from "../../../asm/index.ts";
import { withExits } from "../../exits.ts";
import { repeat, sharedFunction } from "../../flow.ts";
import { advance, pointAt } from "../../pointers.ts";
import { lineBytes, panelFilters, stripTiles, vectorBytes } from "./layout.ts";

/** How a strip of the left operand lies in memory: the 4 x 4 numbers of four steps of k, then the next four. */
export type StripOrder =
  /** Row by row: four steps of k of a row are a vector. */
  | "rows"
  /** Step by step: the four rows of a step of k are a vector. */
  | "steps";

export interface PanelSpec {
  /** Length of the sums, a multiple of 4. */
  readonly k: number;
  readonly order: StripOrder;
  /** Whether the sums are added to what the result holds. */
  readonly accumulate: boolean;
  /** Bytes from strip to strip of the left operand. */
  readonly strip: number;
  /** Rows of a strip that are computed, of its 4; those of the result that are not keep what they hold. */
  readonly rows: number;
}

/** Steps of k a loop iteration, a multiple of 4: many, as V8's loops cost two steps' worth of bookkeeping each. */
const unroll = 16;
const vectors = panelFilters / 4;
const tileBytes = stripTiles * vectors * vectorBytes;

/**
 * A function (a, b, out: addresses; strips: how many) -> nothing: out[strip][row][column] (+)= sum over k of
 * a[strip][k, row] * b[k][column], for strips of 4 rows and a panel of 8 columns. Each element is summed in order of k; if
 * only one row is computed in 4 interleaved sums that are then added, if two are in 2, as additions take their time.
 */
export function panelFunction(module: WasmModule, spec: PanelSpec): FunctionBuilder {
  const { k, order, accumulate, strip, rows } = spec;
  const name = `winograd_panel_${k}_${order}_${Number(accumulate)}_${strip}_${rows}`;
  const params = ["i32", "i32", "i32", "i32"] as const;
  return sharedFunction(module, name, { params: [...params], results: [] }, (fn) =>
    emitPanel(fn, spec),
  );
}

function emitPanel(fn: FunctionBuilder, { k, order, accumulate, strip, rows }: PanelSpec): void {
  const [a, panel, out, strips] = [fn.param(0), fn.param(1), fn.param(2), fn.param(3)];
  const b = fn.local("i32");
  const sums = Array.from({ length: rows * partialsOf(rows) }, () =>
    Array.from({ length: vectors }, () => fn.local("v128")),
  );
  const [row, step] = order === "rows" ? [vectorBytes, 4] : [4, vectorBytes];
  fn.loop((top) => {
    pointAt(fn, b, panel);
    eachSum(sums, (sum) => {
      fn.v128({ f32x4: [0, 0, 0, 0] });
      fn.set(sum);
    });
    const rest = k % unroll;
    withExits(fn, sums.flat(), out, unroll + rest, (wayOut) => {
      const steps = (count: number): void => {
        for (let u = 0; u < count; u++) {
          const first = rows * (u % partialsOf(rows));
          multiplyAdd(fn, sums.slice(first, first + rows), a, row, b, u * vectors * vectorBytes);
          wayOut();
          advance(fn, a, u % 4 < 3 ? step : lineBytes - 3 * step);
        }
        advance(fn, b, count * vectors * vectorBytes);
      };
      repeat(fn, Math.floor(k / unroll), () => steps(unroll));
      steps(rest);
    });
    addPartials(fn, sums, rows);
    eachSum(sums.slice(0, rows), (sum, offset) => {
      fn.get(out);
      fn.get(sum);
      if (accumulate) {
        fn.get(out);
        fn.load("v128.load", offset, 4);
        fn.op("f32x4.add");
      }
      fn.store("v128.store", offset, 4);
    });
    advance(fn, out, tileBytes);
    advance(fn, a, strip - (k / 4) * lineBytes);
    advance(fn, strips, -1);
    fn.get(strips);
    fn.brIf(top);
  });
}

/**
 * One step of k. Where V8 loads a number into all lanes it adds a constant offset with an instruction of its own, unless
 * it finds the sum in a register: therefore only the four rows have offsets, and the pointer moves with each step.
 */
function multiplyAdd(
  fn: FunctionBuilder,
  sums: readonly Local[][],
  a: Local,
  row: number,
  b: Local,
  offset: number,
): void {
  const columns = Array.from({ length: vectors }, (_, v) => {
    const column = fn.local("v128");
    fn.get(b);
    fn.load("v128.load", offset + v * vectorBytes, 4);
    fn.set(column);
    return column;
  });
  sums.forEach((rowSums, i) => {
    const element = fn.local("v128");
    fn.get(a);
    fn.load("v128.load32_splat", i * row);
    fn.set(element);
    const products = columns.map((column) => {
      const product = fn.local("v128");
      fn.get(element);
      fn.get(column);
      fn.op("f32x4.mul");
      fn.set(product);
      return product;
    });
    rowSums.forEach((sum, v) => {
      fn.get(sum);
      fn.get(products[v]!);
      fn.op("f32x4.add");
      fn.set(sum);
    });
  });
}

/** Interleaved sums of an element: as many as there are registers for. */
function partialsOf(rows: number): number {
  return rows <= 2 ? stripTiles / rows : 1;
}

/** Adds interleaved sums in pairs. */
function addPartials(fn: FunctionBuilder, sums: readonly Local[][], rows: number): void {
  for (let half = (rows * partialsOf(rows)) / 2; half >= rows; half /= 2) {
    for (let i = 0; i < half; i++) {
      sums[i]!.forEach((sum, v) => {
        fn.get(sum);
        fn.get(sums[i + half]![v]!);
        fn.op("f32x4.add");
        fn.set(sum);
      });
    }
  }
}

function eachSum(sums: readonly Local[][], visit: (sum: Local, offset: number) => void): void {
  sums.flat().forEach((sum, at) => visit(sum, at * vectorBytes));
}
