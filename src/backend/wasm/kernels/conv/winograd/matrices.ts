/**
 * @file The constant matrices of F(m x m, r x r), each as the few operations that multiply a column by it (Lavin and
 * Gray 2015, section 4 and appendix). A tile of m + r - 1 numbers a side interpolates at 0, 1, -1, 2, -2, 1/2, -1/2 or
 * the first of these, and at infinity: A and G evaluate polynomials at the points, G divided by N = product of (p - q)
 * over the other points q, and B has the coefficients of the products of (x - q).
 */
import type { Local, FunctionBuilder } from "../../../asm/index.ts";
import { repeat, advance } from "../../flow.ts";
import { lanesOf, loadLanes, storeLanes, vectorWidths } from "../../lanes.ts";

/** Multiplies a column of vectors by a constant matrix. */
export type Transform = (vectors: Vectors, column: readonly Local[]) => Local[];

/** The points of a tile besides infinity: 0, then p and -p in turns. */
function pointsOf(tile: number): number[] {
  return [0, 1, -1, 2, -2, 1 / 2, -1 / 2].slice(0, tile - 1);
}

/** 1 / N of each point, 1 for infinity. */
function weightsOf(tile: number): number[] {
  const points = pointsOf(tile);
  const others = (p: number): number =>
    points.reduce((product, q) => (q === p ? product : product * (p - q)), 1);
  return [...points.map((p) => 1 / others(p)), 1];
}

const scaled = (v: Vectors, x: Local, factor: number): Local =>
  factor === 1 ? x : v.times(x, factor);

/** Sum of the powers of p, from `first` on in steps, times the elements they belong to. */
function powers(
  v: Vectors,
  p: number,
  column: readonly Local[],
  first: number,
  step: number,
): Local {
  let sum = scaled(v, column[first]!, p ** first);
  for (let power = first + step; power < column.length; power += step)
    sum = v.add(sum, scaled(v, column[power]!, p ** power));
  return sum;
}

/** The values at a tile's points of the polynomial with these coefficients. */
function evaluate(v: Vectors, tile: number, column: readonly Local[]): Local[] {
  const points = pointsOf(tile);
  const values: Local[] = [column[0]!];
  for (let at = 1; at < points.length; at += 2) {
    const p = points[at]!;
    const [even, odd] = [powers(v, p, column, 0, 2), powers(v, p, column, 1, 2)];
    values.push(v.add(even, odd));
    if (at + 1 < points.length) values.push(v.sub(even, odd));
  }
  return [...values, column.at(-1)!];
}

/** The transpose: element i is the sum of all values times their points to the power of i, the last one with infinity's. */
function moments(v: Vectors, tile: number, count: number, values: readonly Local[]): Local[] {
  const points = pointsOf(tile);
  const pairs: { p: number; even: Local; odd: Local }[] = [];
  for (let at = 1; at < points.length; at += 2) {
    const [x, y] = [values[at]!, values[at + 1]!];
    const paired = at + 1 < points.length;
    const [even, odd] = paired ? [v.add(x, y), v.sub(x, y)] : [x, x];
    pairs.push({ p: points[at]!, even, odd });
  }
  return Array.from({ length: count }, (_, power) => {
    const terms = pairs.map(({ p, even, odd }) =>
      scaled(v, power % 2 === 0 ? even : odd, p ** power),
    );
    if (power === 0) terms.unshift(values[0]!);
    if (power === count - 1) terms.push(values.at(-1)!);
    return terms.reduce((sum, term) => v.add(sum, term));
  });
}

/** A^T, tile -> outputs: a column of a tile of products. */
export function outputMatrix(tile: number, outputs: number): Transform {
  return (v, column) => moments(v, tile, outputs, column);
}

/** A, outputs -> tile: a column of a tile of the result's gradient. */
export function gradientMatrix(tile: number): Transform {
  return (v, column) => evaluate(v, tile, column);
}

/** G, taps -> tile: a column of a kernel. */
export function kernelMatrix(tile: number): Transform {
  const weights = weightsOf(tile);
  return (v, column) =>
    evaluate(v, tile, column).map((value, index) => scaled(v, value, weights[index]!));
}

/** G^T, tile -> taps: a column of products summed over all tiles. */
export function filterMatrix(tile: number, taps: number): Transform {
  const weights = weightsOf(tile);
  return (v, column) =>
    moments(
      v,
      tile,
      taps,
      column.map((value, index) => scaled(v, value, weights[index]!)),
    );
}

/** B^T, tile -> tile: a column of an input tile. */
export function inputMatrix(tile: number): Transform {
  return inputMatrices[tile as keyof typeof inputMatrices];
}

const inputMatrices = {
  4: (v, column) => {
    const [d0, d1, d2, d3] = column as [Local, Local, Local, Local];
    return [v.sub(d2, d0), v.add(d2, d1), v.sub(d2, d1), v.sub(d3, d1)];
  },
  5: (v, column) => {
    const [d0, d1, d2, d3, d4] = column as [Local, Local, Local, Local, Local];
    const odd = v.sub(d3, d1);
    const near = v.sub(d3, d2);
    const inner = v.sub(d1, d2);
    return [
      v.add(v.times(v.sub(d0, d2), 2), odd),
      v.sub(near, v.add(d1, d1)),
      v.add(near, v.add(inner, inner)),
      odd,
      v.sub(v.sub(d4, d2), v.add(odd, odd)),
    ];
  },
  6: (v, column) => {
    const [d0, d1, d2, d3, d4, d5] = column as [Local, Local, Local, Local, Local, Local];
    const even = v.sub(d4, d2);
    const odd = v.sub(d3, d1);
    const [a, b] = [v.sub(d4, v.times(d2, 4)), v.sub(d3, v.times(d1, 4))];
    const twice = v.add(odd, odd);
    return [
      v.add(v.times(v.sub(d0, d2), 4), even),
      v.add(a, b),
      v.sub(a, b),
      v.add(even, twice),
      v.sub(even, twice),
      v.sub(v.sub(d5, d3), v.times(odd, 4)),
    ];
  },
  8: (v, column) => {
    const [d0, d1, d2, d3] = column as [Local, Local, Local, Local];
    const [d4, d5, d6, d7] = column.slice(4) as [Local, Local, Local, Local];
    const pair = (even: Local, odd: Local): [Local, Local] => [v.add(even, odd), v.sub(even, odd)];
    const middle = v.times(d3, 5 / 2);
    return [
      v.add(v.sub(d6, d0), v.times(v.sub(d2, d4), 21 / 4)),
      ...pair(v.sub(v.add(d2, d6), v.times(d4, 17 / 4)), v.sub(v.add(d1, d5), v.times(d3, 17 / 4))),
      ...pair(
        v.add(d6, v.times(v.sub(d2, v.times(d4, 5)), 1 / 4)),
        v.add(v.sub(v.times(d1, 1 / 2), middle), v.add(d5, d5)),
      ),
      ...pair(
        v.add(d6, v.times(v.sub(d2, v.times(d4, 5 / 4)), 4)),
        v.add(v.sub(v.times(d5, 1 / 2), middle), v.add(d1, d1)),
      ),
      v.add(v.sub(d7, d1), v.times(v.sub(d3, d5), 21 / 4)),
    ];
  },
} satisfies Record<number, Transform>;

// Arithmetic on vectors of four float32 numbers, written as calls: each result is a register of its own.

const lanes = lanesOf("float32");

/** Emits vector arithmetic into one function. */
export class Vectors {
  readonly #fn: FunctionBuilder;

  constructor(fn: FunctionBuilder) {
    this.#fn = fn;
  }

  /** The first `width` lanes from memory, the others zero. */
  load(pointer: Local, offset: number, width: number = lanes.count): Local {
    loadLanes(this.#fn, lanes, pointer, offset, width);
    return this.#keep();
  }

  /** Stores the first `width` lanes. */
  store(pointer: Local, offset: number, vector: Local, width: number = lanes.count): void {
    storeLanes(this.#fn, lanes, pointer, offset, width, vector);
  }

  add(x: Local, y: Local): Local {
    return this.#binary("f32x4.add", x, y);
  }

  sub(x: Local, y: Local): Local {
    return this.#binary("f32x4.sub", x, y);
  }

  /** x times a constant. */
  times(x: Local, factor: number): Local {
    this.#fn.get(x);
    this.#fn.v128({ f32x4: [factor, factor, factor, factor] });
    this.#fn.op("f32x4.mul");
    return this.#keep();
  }

  #binary(op: string, x: Local, y: Local): Local {
    this.#fn.get(x);
    this.#fn.get(y);
    this.#fn.op(op);
    return this.#keep();
  }

  #keep(): Local {
    const kept = this.#fn.local("v128");
    this.#fn.set(kept);
    return kept;
  }
}

/**
 * Emits `body(widths)` for groups of `atOnce` vectors along `elements` elements, and for the rest: `widths` are the lanes in
 * use of its vectors. Pointers move on by so many bytes a vector.
 */
export function forVectors(
  fn: FunctionBuilder,
  elements: number,
  atOnce: number,
  moves: readonly (readonly [pointer: Local, bytes: number])[],
  body: (widths: readonly number[]) => void,
): void {
  const group = (count: number): void => {
    const widths = vectorWidths(lanes, count);
    body(widths);
    for (const [pointer, bytes] of moves) advance(fn, pointer, widths.length * bytes);
  };
  const size = atOnce * lanes.count;
  repeat(fn, Math.floor(elements / size), () => group(size));
  if (elements % size > 0) group(elements % size);
}
