// A strip of a product that sums over very few k: the elements of a stay in registers while the columns run.
import type { FunctionBuilder, Local, WasmModule } from "../asm/index.ts";
import { repeat, sharedFunction } from "./flow.ts";
import { lanesOf, loadLanes, storeLanes } from "./lanes.ts";
import { advance } from "./pointers.ts";
import type { Steps } from "./tile.ts";

/** Depth up to which products are shallow. */
export const shallowDepth = 4;

/** out[i, j] = sum over k of a[i, k] * b[k, j] over `panels` panels of `columns` columns, a whole number of vectors. */
export interface ShallowSpec {
  readonly dtype: "float32" | "float64";
  readonly rows: number;
  readonly columns: number;
  readonly panels: number;
  readonly k: number;
  readonly a: Steps;
  /** Steps from one k to the next, and from one panel to the next; columns of a panel lie side by side. */
  readonly bRow: number;
  readonly bPanel: number;
  readonly outRow: number;
}

/** Rows of a strip, so that its elements of a fill at most eight registers. */
export function shallowRows(k: number): number {
  return k <= 2 ? 4 : 2;
}

/** A function (a, b, out: addresses of the strip's first elements) -> nothing. Sums in order of k, as other tiles do. */
export function shallowFunction(module: WasmModule, spec: ShallowSpec): FunctionBuilder {
  const { dtype, rows, columns, panels, k, a, bRow, bPanel, outRow } = spec;
  const steps = [a.row, a.column, bRow, bPanel, outRow].join("_");
  const name = `shallow_${dtype}_${rows}x${columns}x${k}_${panels}_${steps}`;
  return sharedFunction(module, name, { params: ["i32", "i32", "i32"], results: [] }, (fn) =>
    emitShallow(fn, spec),
  );
}

function emitShallow(fn: FunctionBuilder, spec: ShallowSpec): void {
  const { rows, columns, panels, k, a, bRow, bPanel, outRow } = spec;
  const lanes = lanesOf(spec.dtype);
  const { bytes, count, shape } = lanes;
  const [left, right, out] = [fn.param(0), fn.param(1), fn.param(2)];
  const lowestA = (Math.min(0, (rows - 1) * a.row) + Math.min(0, (k - 1) * a.column)) * bytes;
  const lowestB = Math.min(0, (k - 1) * bRow) * bytes;
  advance(fn, left, lowestA);
  advance(fn, right, lowestB);
  const local = (): Local => fn.local("v128");
  const elements = Array.from({ length: rows }, (_, i) =>
    Array.from({ length: k }, (_, q) => {
      const element = local();
      fn.get(left);
      fn.load(lanes.splat, (i * a.row + q * a.column) * bytes - lowestA);
      fn.set(element);
      return element;
    }),
  );
  const zero = local();
  const vector = (v: number): void => {
    const lines = Array.from({ length: k }, (_, q) => {
      const line = local();
      loadLanes(fn, lanes, right, (q * bRow + v * count) * bytes - lowestB, count);
      fn.set(line);
      return line;
    });
    elements.forEach((row, i) => {
      const sum = local();
      fn.get(zero);
      row.forEach((element, q) => {
        fn.get(element);
        fn.get(lines[q]!);
        fn.op(`${shape}.mul`);
        fn.op(`${shape}.add`);
      });
      fn.set(sum);
      storeLanes(fn, lanes, out, (i * outRow + v * count) * bytes, count, sum);
    });
  };
  repeat(fn, panels, () => {
    for (let v = 0; v * count < columns; v++) vector(v);
    advance(fn, right, bPanel * bytes);
    advance(fn, out, columns * bytes);
  });
}
