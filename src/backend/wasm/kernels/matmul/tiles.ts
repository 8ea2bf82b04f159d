/**
 * @file The innermost part of a matrix product: a tile of the result held in registers while k runs, or, where k is very
 * short, the elements of the left operand held while the columns run.
 */
import type { FunctionBuilder, Local, WasmModule } from "../../asm/index.ts";
import { withExits, repeat, sharedFunction, advance } from "../flow.ts";
import {
  type Lanes,
  lanesOf,
  loadLanes,
  storeLanes,
  vectorWidths,
  transpose,
  type Steps,
} from "../lanes.ts";

/** One kind of tile: out[i, j] (+)= sum over k of a[i, k] * b[k, j]. */
export interface TileSpec {
  readonly dtype: "float32" | "float64";
  readonly rows: number;
  readonly columns: number;
  readonly k: number;
  readonly a: Steps;
  readonly b: Steps;
  readonly out: Steps;
  /** Whether rows of b may be read up to whole vectors (packed panels may). */
  readonly padded: boolean;
  /** Whether the sum goes on from what the result holds. */
  readonly accumulate: boolean;
}

/** Steps of k a loop iteration, multiples of the lanes; fewer where b is transposed in registers. */
const unroll = 8;
const turnedUnroll = 4;

/**
 * A function (a, b, out: addresses of the tile's first elements) -> nothing. It is a function of its own, called once a
 * tile, because an engine that optimises while running replaces functions when they are called, not inside their loops.
 * Each element is summed in order of k, whatever the tile's size and the operands' steps.
 */
export function tileFunction(module: WasmModule, spec: TileSpec): FunctionBuilder {
  const { dtype, rows, columns, k, a, b, out, padded, accumulate } = spec;
  const steps = [a.row, a.column, b.row, b.column, out.row, out.column].join("_");
  const name = `tile_${dtype}_${rows}x${columns}x${k}_${steps}_${Number(padded)}${Number(accumulate)}`;
  return sharedFunction(module, name, { params: ["i32", "i32", "i32"], results: [] }, (fn) =>
    new TileEmitter(fn, spec).emit(),
  );
}

/** An operand's pointer, walking along k. */
interface Stream {
  readonly pointer: Local;
  /** Bytes from one k to the next. */
  readonly step: number;
  /** Bytes from the pointer to the tile's first element: constant offsets cannot be negative, pointers start at the lowest. */
  readonly origin: number;
}

class TileEmitter {
  readonly #fn: FunctionBuilder;
  readonly #spec: TileSpec;
  readonly #lanes: Lanes;
  /** Lanes in use of each vector of a row. */
  readonly #widths: readonly number[];
  readonly #left: Stream;
  readonly #right: Stream;
  /** Registers of the sums by row and vector. */
  readonly #sums: readonly Local[][];

  constructor(fn: FunctionBuilder, spec: TileSpec) {
    const { rows, columns, a, b } = spec;
    const lanes = lanesOf(spec.dtype);
    const stream = (pointer: Local, step: number, across: number, count: number): Stream => {
      const origin = -Math.min(0, (count - 1) * across) * lanes.bytes;
      return { pointer, step: step * lanes.bytes, origin };
    };
    this.#fn = fn;
    this.#spec = spec;
    this.#lanes = lanes;
    this.#widths = vectorWidths(lanes, columns);
    this.#left = stream(fn.param(0), a.column, a.row, rows);
    this.#right = stream(fn.param(1), b.row, b.column, columns);
    this.#sums = Array.from({ length: rows }, () => this.#widths.map(() => fn.local("v128")));
  }

  emit(): void {
    const fn = this.#fn;
    const { k } = this.#spec;
    for (const { pointer, origin } of [this.#left, this.#right]) advance(fn, pointer, -origin);
    if (this.#spec.accumulate) this.#loadSums();
    const { a, b, padded } = this.#spec;
    const turned = b.row === 1 && b.column !== 1 && !padded && a.column >= 0;
    const size = turned ? turnedUnroll : unroll;
    const waysOut = (turned ? size * this.#widths.length : size) + (k % size);
    withExits(fn, this.#sums.flat(), fn.param(2), waysOut, (wayOut) => {
      repeat(fn, Math.floor(k / size), () => this.#steps(size, turned, wayOut));
      this.#steps(k % size, false, wayOut);
    });
    this.#storeSums();
  }

  /** `count` steps of k, a way out after each; then the pointer to b moves on. */
  #steps(count: number, turned: boolean, wayOut: () => void): void {
    if (turned) this.#turnedSteps(wayOut);
    else for (let u = 0; u < count; u++) this.#step(u, wayOut);
    const { pointer, step } = this.#right;
    if (step > 0 || turned) advance(this.#fn, pointer, count * step);
  }

  /** One step: a row of b against every row of a. b's pointer moves at once if it runs backwards, else once an iteration. */
  #step(u: number, wayOut: () => void): void {
    const fn = this.#fn;
    const { bytes } = this.#lanes;
    const { b, padded } = this.#spec;
    const right = this.#right;
    const row = this.#widths.map((width, v) => {
      const offset =
        right.origin + Math.max(0, u * right.step) + v * this.#lanes.count * b.column * bytes;
      loadLanes(
        fn,
        this.#lanes,
        right.pointer,
        offset,
        padded ? this.#lanes.count : width,
        b.column * bytes,
      );
      const vector = fn.local("v128");
      fn.set(vector);
      return vector;
    });
    for (let i = 0; i < this.#spec.rows; i++) {
      const element = this.#element(i);
      const sums = row.map((_, v) => this.#sums[i]![v]!);
      this.#multiplyAdd(sums, element, row);
    }
    wayOut();
    advance(fn, this.#left.pointer, this.#left.step);
    if (right.step < 0) advance(fn, right.pointer, right.step);
  }

  /** Four steps where b lies along k: each group of columns is read along k and transposed in registers. */
  #turnedSteps(wayOut: () => void): void {
    const fn = this.#fn;
    const { count, bytes } = this.#lanes;
    const { b } = this.#spec;
    const left = this.#left;
    this.#widths.forEach((width, v) => {
      for (let first = 0; first < turnedUnroll; first += count) {
        const columns = Array.from({ length: count }, (_, j) => {
          const column = v * count + Math.min(j, width - 1);
          const vector = fn.local("v128");
          loadLanes(
            fn,
            this.#lanes,
            this.#right.pointer,
            this.#right.origin + (column * b.column + first) * bytes,
            count,
          );
          fn.set(vector);
          return vector;
        });
        transpose(fn, this.#lanes, columns).forEach((row) => {
          for (let i = 0; i < this.#spec.rows; i++)
            this.#multiplyAdd([this.#sums[i]![v]!], this.#element(i), [row]);
          wayOut();
          advance(fn, left.pointer, left.step);
        });
      }
      if (v < this.#widths.length - 1) advance(fn, left.pointer, -turnedUnroll * left.step);
    });
  }

  /**
   * A register with a[i, k] in every lane. Where V8 loads a number into all lanes it adds a constant offset by an
   * instruction of its own, unless it finds the sum in a register: therefore only rows have offsets, and the pointer moves
   * with each step.
   */
  #element(i: number): Local {
    const fn = this.#fn;
    fn.get(this.#left.pointer);
    fn.load(this.#lanes.splat, this.#left.origin + i * this.#spec.a.row * this.#lanes.bytes);
    const element = fn.local("v128");
    fn.set(element);
    return element;
  }

  /** Adds an element times vectors to their sums: products first, then additions. See withExits. */
  #multiplyAdd(sums: readonly Local[], element: Local, vectors: readonly Local[]): void {
    const fn = this.#fn;
    const products = vectors.map((vector) => {
      const product = fn.local("v128");
      fn.get(element);
      fn.get(vector);
      fn.op(`${this.#lanes.shape}.mul`);
      fn.set(product);
      return product;
    });
    sums.forEach((sum, v) => {
      fn.get(sum);
      fn.get(products[v]!);
      fn.op(`${this.#lanes.shape}.add`);
      fn.set(sum);
    });
  }

  /** Visits the registers that become the result, with their place there. */
  #eachSum(visit: (sum: Local, offset: number, width: number) => void): void {
    const { count, bytes } = this.#lanes;
    const { out } = this.#spec;
    this.#sums.forEach((row, i) => {
      row.forEach((sum, v) =>
        visit(sum, (i * out.row + v * count * out.column) * bytes, this.#widths[v]!),
      );
    });
  }

  #loadSums(): void {
    const out = this.#fn.param(2);
    const stride = this.#spec.out.column * this.#lanes.bytes;
    this.#eachSum((sum, offset, width) => {
      loadLanes(this.#fn, this.#lanes, out, offset, width, stride);
      this.#fn.set(sum);
    });
  }

  #storeSums(): void {
    const out = this.#fn.param(2);
    const stride = this.#spec.out.column * this.#lanes.bytes;
    this.#eachSum((sum, offset, width) =>
      storeLanes(this.#fn, this.#lanes, out, offset, width, sum, stride),
    );
  }
}

// A strip of a product that sums over very few k: the elements of a stay in registers while the columns run.

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
