// The matrix products in a plane: a panel of the right operand against all strips of the left one.
import type { FunctionBuilder, Label, Local, WasmModule } from "../../../asm/index.ts";
import { repeat, sharedFunction } from "../../flow.ts";
import { advance } from "../../pointers.ts";
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
}

/** Steps of k a loop iteration. */
const unroll = 4;
const vectors = panelFilters / 4;
const tileBytes = stripTiles * vectors * vectorBytes;

/**
 * A function (a, b, out: addresses; strips: how many) -> nothing: out[strip][row][column] (+)= sum over k of
 * a[strip][k, row] * b[k][column], for strips of 4 rows and a panel of 8 columns. Each element is summed in order of k.
 */
export function panelFunction(module: WasmModule, spec: PanelSpec): FunctionBuilder {
  const { k, order, accumulate, strip } = spec;
  const name = `winograd_panel_${k}_${order}_${Number(accumulate)}_${strip}`;
  const params = ["i32", "i32", "i32", "i32"] as const;
  return sharedFunction(module, name, { params: [...params], results: [] }, (fn) =>
    emitPanel(fn, spec),
  );
}

function emitPanel(fn: FunctionBuilder, { k, order, accumulate, strip }: PanelSpec): void {
  const [a, panel, out, strips] = [fn.param(0), fn.param(1), fn.param(2), fn.param(3)];
  const b = fn.local("i32");
  const sums = Array.from({ length: stripTiles }, () =>
    Array.from({ length: vectors }, () => fn.local("v128")),
  );
  const [row, step] = order === "rows" ? [vectorBytes, 4] : [4, vectorBytes];
  fn.block((exit) => {
    let barriers = 0;
    // As in kernels/tile.ts: a way out that is never taken keeps V8 from moving arithmetic past later loads.
    const barrier = (label: Label): void => {
      fn.get(out);
      fn.i32(++barriers);
      fn.op("i32.eq");
      fn.brIf(label);
    };
    fn.loop((top) => {
      fn.get(panel);
      fn.set(b);
      eachSum(sums, (sum) => {
        fn.v128({ f32x4: [0, 0, 0, 0] });
        fn.set(sum);
      });
      repeat(fn, k / unroll, () => {
        for (let u = 0; u < unroll; u++) {
          if (u > 0) barrier(exit);
          const columns = Array.from({ length: vectors }, (_, v) => {
            const column = fn.local("v128");
            fn.get(b);
            fn.load("v128.load", (u * vectors + v) * vectorBytes, 4);
            fn.set(column);
            return column;
          });
          sums.forEach((rowSums, i) => {
            const element = fn.local("v128");
            fn.get(a);
            fn.load("v128.load32_splat", u * step + i * row);
            fn.set(element);
            rowSums.forEach((sum, v) => {
              fn.get(sum);
              fn.get(element);
              fn.get(columns[v]!);
              fn.op("f32x4.mul");
              fn.op("f32x4.add");
              fn.set(sum);
            });
          });
        }
        advance(fn, a, lineBytes);
        advance(fn, b, unroll * vectors * vectorBytes);
      });
      eachSum(sums, (sum, offset) => {
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
      advance(fn, a, strip - (k / unroll) * lineBytes);
      fn.get(strips);
      fn.i32(1);
      fn.op("i32.sub");
      fn.tee(strips);
      fn.brIf(top);
    });
  });
}

function eachSum(sums: readonly Local[][], visit: (sum: Local, offset: number) => void): void {
  sums.flat().forEach((sum, at) => visit(sum, at * vectorBytes));
}
