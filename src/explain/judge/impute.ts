/**
 * @file Removed pixels are filled in from their neighbours, so that the picture betrays neither their positions nor an edge
 * around them: the linear imputation of ROAD (Rong et al. 2022, "A consistent and efficient evaluation strategy for attribution
 * methods", section 4.2).
 */

/** Weights of the neighbours in the mean: beside the pixel, and across its corners. */
const [beside, across] = [1 / 6, 1 / 12];

/** The residual, relative to the right-hand side, at which a solution is accurate enough for float32 pixels. */
const enough = 1e-6;

/** The picture that pixels are removed from. */
export interface Picture {
  readonly rows: number;
  readonly columns: number;
  readonly channels: number;
  /** [rows, columns, channels] */
  readonly pixels: Float32Array;
}

/**
 * A copy of the picture whose `missing` pixels (unless that is all of them) each are the weighted mean of their neighbours in
 * the picture, missing ones included: for each channel a system of linear equations, whose matrix is a graph's Laplacian,
 * symmetric and positive definite. It is solved by conjugate gradients (Hestenes and Stiefel 1952) that start from the solution
 * for the picture at half its size, recursively (cascadic multigrid, Bornemann and Deuflhard 1996).
 */
export function impute(
  { rows, columns, channels, pixels }: Picture,
  missing: Int32Array,
): Float32Array {
  const filled = pixels.slice();
  const isKnown = new Uint8Array(rows * columns).fill(1);
  for (const place of missing) isKnown[place] = 0;
  for (let channel = 0; channel < channels; channel++) {
    const values = Float64Array.from(isKnown, (_, place) => pixels[place * channels + channel]!);
    const solution = solve({ rows, columns, values, isKnown });
    for (const place of missing) filled[place * channels + channel] = solution[place]!;
  }
  return filled;
}

/** One channel. */
interface Plane {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float64Array;
  readonly isKnown: Uint8Array;
}

/** The values, with the unknown ones computed. */
function solve(plane: Plane): Float64Array {
  const { rows, columns, values, isKnown } = plane;
  const missing = Int32Array.from(isKnown.keys()).filter((place) => !isKnown[place]);
  if (missing.length === 0 || missing.length === values.length) return values;
  const coarse = halved(plane);
  const rough = solve(coarse);
  const guess = Float64Array.from(missing, (place) => {
    const [row, column] = [Math.floor(place / columns), place % columns];
    return rough[(row >> 1) * coarse.columns + (column >> 1)]!;
  });
  const grid = new Grid(rows, columns, missing);
  const inside = grid.field(() => 1);
  const known = grid.field((place) => (isKnown[place] ? values[place]! : 0));
  const weights = Float64Array.from(missing, (_, i) => grid.around(inside, i));
  const right = Float64Array.from(missing, (_, i) => grid.around(known, i));
  const solution = conjugateGradients(grid, weights, right, guess);
  const solved = values.slice();
  missing.forEach((place, i) => (solved[place] = solution[i]!));
  return solved;
}

/** The plane at half its size: means of the known ones among four pixels. */
function halved({ rows, columns, values, isKnown }: Plane): Plane {
  const [fewer, narrower] = [(rows + 1) >> 1, (columns + 1) >> 1];
  const sums = new Float64Array(fewer * narrower);
  const counts = new Uint8Array(fewer * narrower);
  for (let place = 0; place < values.length; place++) {
    if (!isKnown[place]) continue;
    const at = (Math.floor(place / columns) >> 1) * narrower + ((place % columns) >> 1);
    sums[at]! += values[place]!;
    counts[at]! += 1;
  }
  return {
    rows: fewer,
    columns: narrower,
    values: sums.map((sum, at) => sum / Math.max(1, counts[at]!)),
    isKnown: counts.map((count) => (count > 0 ? 1 : 0)),
  };
}

/** A picture with a border of one pixel around it, so that every pixel has eight neighbours. */
class Grid {
  /** Positions of the missing pixels in fields. */
  readonly at: Int32Array;
  readonly #rows: number;
  readonly #columns: number;
  readonly #stride: number;

  constructor(rows: number, columns: number, missing: Int32Array) {
    this.#rows = rows;
    this.#columns = columns;
    this.#stride = columns + 2;
    this.at = missing.map((place) => this.#position(place));
  }

  #position(place: number): number {
    return (Math.floor(place / this.#columns) + 1) * this.#stride + (place % this.#columns) + 1;
  }

  /** Values at the pixels of a picture, and 0 on the border. */
  field(valueAt: (place: number) => number): Float64Array {
    const values = new Float64Array((this.#rows + 2) * this.#stride);
    for (let place = 0; place < this.#rows * this.#columns; place++)
      values[this.#position(place)] = valueAt(place);
    return values;
  }

  /** The weighted sum of the neighbours of a missing pixel. */
  around(values: Float64Array, index: number): number {
    const stride = this.#stride;
    const [above, here, below] = [
      this.at[index]! - stride,
      this.at[index]!,
      this.at[index]! + stride,
    ];
    return (
      beside * (values[above]! + values[here - 1]! + values[here + 1]! + values[below]!) +
      across * (values[above - 1]! + values[above + 1]! + values[below - 1]! + values[below + 1]!)
    );
  }
}

/** Solves weights_i x_i - (the sum around x_i) = b_i for the missing pixels, from a guess that becomes the solution. */
function conjugateGradients(
  grid: Grid,
  weights: Float64Array,
  b: Float64Array,
  x: Float64Array,
): Float64Array {
  const { at } = grid;
  const size = b.length;
  const field = grid.field(() => 0);
  /** Writes the matrix times the field's values at missing pixels; the field is zero at known ones. */
  const image = new Float64Array(size);
  const multiply = (): void => {
    for (let i = 0; i < size; i++) image[i] = weights[i]! * field[at[i]!]! - grid.around(field, i);
  };
  const dot = (u: Float64Array, v: Float64Array): number => {
    let sum = 0;
    for (let i = 0; i < size; i++) sum += u[i]! * v[i]!;
    return sum;
  };
  for (let i = 0; i < size; i++) field[at[i]!] = x[i]!;
  multiply();
  const r = b.map((value, i) => value - image[i]!);
  const p = r.slice();
  const goal = enough * enough * dot(b, b);
  let rr = dot(r, r);
  for (let step = 0; step < 10 * size && rr > goal; step++) {
    for (let i = 0; i < size; i++) field[at[i]!] = p[i]!;
    multiply();
    const length = rr / dot(p, image);
    for (let i = 0; i < size; i++) {
      x[i]! += length * p[i]!;
      r[i]! -= length * image[i]!;
    }
    const before = rr;
    rr = dot(r, r);
    for (let i = 0; i < size; i++) p[i] = r[i]! + (rr / before) * p[i]!;
  }
  return x;
}
