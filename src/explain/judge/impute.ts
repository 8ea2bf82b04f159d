/**
 * @file Pixels filled in from their neighbours, so that a picture with pixels removed gives away neither which they were nor an
 * edge around them: the linear imputation of ROAD (Rong et al. 2022, "A consistent and efficient evaluation strategy for
 * attribution methods", section 4.2).
 */

/** Neighbours with their weights in the mean: a sixth for those beside, a twelfth for those across the corner. */
const neighbours = [-1, 0, 1]
  .flatMap((down) => [-1, 0, 1].map((right) => ({ down, right })))
  .filter(({ down, right }) => down !== 0 || right !== 0)
  .map((step) => ({ ...step, weight: step.down === 0 || step.right === 0 ? 1 / 6 : 1 / 12 }));

/** Residual, relative to the right-hand side's, at which a solution is good enough for float32 pixels. */
const enough = 1e-9;

/** The picture that pixels are removed from. */
export interface Picture {
  readonly rows: number;
  readonly columns: number;
  readonly channels: number;
  /** [rows, columns, channels] */
  readonly pixels: Float32Array;
}

/**
 * Replaces the pixels at `missing` places (at least one is not), each channel by the solution of: every missing pixel is the
 * weighted mean of its neighbours in the picture, missing or not. The matrix is symmetric and positive definite, a graph's
 * Laplacian, and the system is solved by conjugate gradients (Hestenes and Stiefel 1952).
 */
export function impute(
  { rows, columns, channels, pixels }: Picture,
  missing: Int32Array,
): Float32Array {
  const filled = pixels.slice();
  if (missing.length === 0) return filled;
  const system = systemOf(rows, columns, missing);
  for (let channel = 0; channel < channels; channel++) {
    const known = system.known((place) => pixels[place * channels + channel]!);
    const solution = conjugateGradients(system, known);
    missing.forEach((place, i) => (filled[place * channels + channel] = solution[i]!));
  }
  return filled;
}

interface System {
  readonly size: number;
  /** The sum of the weights of an unknown's neighbours. */
  readonly diagonal: Float64Array;
  /** The part of the weighted sums that is known. */
  known(valueAt: (place: number) => number): Float64Array;
  /** Laplacian times x. */
  apply(x: Float64Array, out: Float64Array): void;
}

function systemOf(rows: number, columns: number, missing: Int32Array): System {
  const size = missing.length;
  const unknownAt = new Int32Array(rows * columns).fill(-1);
  missing.forEach((place, i) => (unknownAt[place] = i));
  const diagonal = new Float64Array(size);
  // For each unknown and neighbour: the neighbour's number if unknown, else -1; and its place if known, else -1.
  const unknown = new Int32Array(8 * size).fill(-1);
  const known = new Int32Array(8 * size).fill(-1);
  missing.forEach((place, i) => {
    const [row, column] = [Math.floor(place / columns), place % columns];
    for (const [n, { down, right, weight }] of neighbours.entries()) {
      const [r, c] = [row + down, column + right];
      if (r < 0 || r >= rows || c < 0 || c >= columns) continue;
      diagonal[i]! += weight;
      const at = r * columns + c;
      if (unknownAt[at]! >= 0) unknown[8 * i + n] = unknownAt[at]!;
      else known[8 * i + n] = at;
    }
  });
  const weights = neighbours.map(({ weight }) => weight);
  return {
    size,
    diagonal,
    known(valueAt) {
      const sums = new Float64Array(size);
      for (let at = 0; at < known.length; at++)
        if (known[at]! >= 0) sums[at >> 3]! += weights[at & 7]! * valueAt(known[at]!);
      return sums;
    },
    apply(x, out) {
      for (let i = 0; i < size; i++) {
        let sum = diagonal[i]! * x[i]!;
        for (let n = 0; n < 8; n++) {
          const other = unknown[8 * i + n]!;
          if (other >= 0) sum -= weights[n]! * x[other]!;
        }
        out[i] = sum;
      }
    },
  };
}

/** Solves A x = b, preconditioned by A's diagonal. */
function conjugateGradients({ size, diagonal, apply }: System, b: Float64Array): Float64Array {
  const x = new Float64Array(size);
  const r = b.slice();
  const z = new Float64Array(size);
  const ap = new Float64Array(size);
  const precondition = (): number => {
    let product = 0;
    for (let i = 0; i < size; i++) product += r[i]! * (z[i] = r[i]! / diagonal[i]!);
    return product;
  };
  let rz = precondition();
  const p = z.slice();
  const goal = enough * enough * rz;
  for (let step = 0; step < 10 * size && rz > goal; step++) {
    apply(p, ap);
    let curvature = 0;
    for (let i = 0; i < size; i++) curvature += p[i]! * ap[i]!;
    const length = rz / curvature;
    for (let i = 0; i < size; i++) {
      x[i]! += length * p[i]!;
      r[i]! -= length * ap[i]!;
    }
    const before = rz;
    rz = precondition();
    for (let i = 0; i < size; i++) p[i] = z[i]! + (rz / before) * p[i]!;
  }
  return x;
}
