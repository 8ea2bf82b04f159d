// The constant matrices of F(m x m, r x r) with m + r - 1 = 6, each as the few operations that multiply a column by it (Lavin
// and Gray 2015, section 4 and appendix; interpolation points 0, 1, -1, 2, -2 and infinity). The points alone make B: it
// serves F(4x4, 3x3) and F(5x5, 2x2).
import type { Local } from "../../../asm/index.ts";
import type { Vectors } from "./vectors.ts";

/** Multiplies a column of vectors by a constant matrix. */
export type Transform = (vectors: Vectors, column: readonly Local[]) => Local[];

/** B^T, 6 -> 6: a column of an input tile. */
export const inputMatrix: Transform = (v, column) => {
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
};

/** A^T, 6 -> `outputs`: a column of a tile of products. Row i has the points to the power of i, infinity in the last. */
export function outputMatrix(outputs: number): Transform {
  return (v, column) => {
    const [m0, m1, m2, m3, m4, m5] = column as [Local, Local, Local, Local, Local, Local];
    const [s, d] = [v.add(m1, m2), v.sub(m1, m2)];
    const [t, u] = [v.add(m3, m4), v.sub(m3, m4)];
    const twice = v.add(u, u);
    const rows = [
      v.add(v.add(m0, s), t),
      v.add(d, twice),
      v.add(s, v.times(t, 4)),
      v.add(d, v.times(twice, 4)),
    ];
    if (outputs === 5) rows.push(v.add(s, v.times(t, 16)));
    rows.push(v.add(rows.pop()!, m5));
    return rows;
  };
}

/** G, 2 or 3 -> 6: a column of a kernel. */
export const kernelMatrix: Transform = (v, column) => {
  const [k0, k1, k2] = column as [Local, Local, Local | undefined];
  const outer = k2 === undefined ? k0 : v.add(k0, k2);
  const [a, b] = [v.times(outer, -1 / 6), v.times(k1, 1 / 6)];
  const first = v.times(k0, 1 / 24);
  const c = k2 === undefined ? first : v.add(first, v.times(k2, 1 / 6));
  const d = v.times(k1, 1 / 12);
  return [v.times(k0, 1 / 4), v.sub(a, b), v.add(a, b), v.add(c, d), v.sub(c, d), k2 ?? k1];
};

/** A, 4 or 5 -> 6: a column of a tile of the result's gradient. */
export const gradientMatrix: Transform = (v, column) => {
  const [g0, g1, g2, g3, g4] = column as [Local, Local, Local, Local, Local | undefined];
  const [even, odd] = [v.add(g0, g2), v.add(g1, g3)];
  const half = v.add(g1, v.times(g3, 4));
  const [a, b] = [v.add(g0, v.times(g2, 4)), v.add(half, half)];
  const [s, t] = g4 === undefined ? [even, a] : [v.add(even, g4), v.add(a, v.times(g4, 16))];
  return [g0, v.add(s, odd), v.sub(s, odd), v.add(t, b), v.sub(t, b), g4 ?? g3];
};

/** G^T, 6 -> `taps`: a column of products summed over all tiles. */
export function filterMatrix(taps: number): Transform {
  return (v, column) => {
    const [m0, m1, m2, m3, m4, m5] = column as [Local, Local, Local, Local, Local, Local];
    const [s, d] = [v.times(v.add(m1, m2), 1 / 6), v.times(v.sub(m2, m1), 1 / 6)];
    const [t, u] = [v.add(m3, m4), v.times(v.sub(m3, m4), 1 / 12)];
    const rows = [v.add(v.sub(v.times(m0, 1 / 4), s), v.times(t, 1 / 24)), v.add(d, u)];
    if (taps === 3) rows.push(v.sub(v.times(t, 1 / 6), s));
    rows.push(v.add(rows.pop()!, m5));
    return rows;
  };
}
