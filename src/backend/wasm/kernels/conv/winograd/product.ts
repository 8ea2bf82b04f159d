/** @file The matrix products of Winograd's algorithm, plane by plane: a panel of the right operand against all strips of the left. */
import type { ComputedConv } from "../../../../../ir/conv.ts";
import type { FunctionBuilder, Local, WasmModule } from "../../../asm/index.ts";
import { advance, copyOf, pointAt, repeat, sharedFunction, withExits } from "../../flow.ts";
import { evenly, lineBytes, panelFilters, placeAt, stripTiles, vectorBytes } from "./layout.ts";
import { winogradForm } from "../../../target.ts";

/** Channels that a product takes at once: a panel of the kernel and a strip stay in the first-level cache. */
const mostDepth = 512;

export interface PlaneOperands {
  /** Addresses of the plane's transformed inputs, of its products and of its part of the kernel. */
  readonly inputs: Local;
  readonly products: Local;
  readonly kernel: Local;
  /** Tiles that a plane has room for. */
  readonly lines: number;
  /** How many strips, at least one. */
  readonly count: Local;
  /** Tiles of one more strip, 0 for none. */
  readonly rest: number;
}

/** Emits the product: each panel of the kernel against all strips. */
export function multiplyPlane(
  module: WasmModule,
  fn: FunctionBuilder,
  work: ComputedConv,
  { inputs, products, kernel, lines, count, rest }: PlaneOperands,
): void {
  const length = winogradForm(work).depth;
  const depth = evenly(length, mostDepth, 4);
  const strip = (length / 4) * lineBytes;
  const [panel, out] = [copyOf(fn, kernel), copyOf(fn, products)];
  repeat(fn, Math.ceil(work.shape.filters / panelFilters), () => {
    for (let done = 0; done < length; done += depth) {
      const k = Math.min(depth, length - done);
      const accumulate = done > 0;
      const multiply = (rows: number, left: Local, to: Local, strips: () => void): void => {
        const spec = { k, order: "rows", accumulate, strip, rows } as const;
        fn.get(left);
        fn.i32(done * vectorBytes);
        fn.op("i32.add");
        fn.get(panel);
        fn.get(to);
        strips();
        fn.call(panelFunction(module, spec));
      };
      multiply(stripTiles, inputs, out, () => fn.get(count));
      if (rest > 0) {
        const last = placeAt(fn, inputs, count, strip);
        const tail = placeAt(fn, out, count, stripTiles * panelFilters * 4);
        multiply(rest, last, tail, () => fn.i32(1));
      }
      advance(fn, panel, k * panelFilters * 4);
    }
    advance(fn, out, lines * panelFilters * 4);
  });
}

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
