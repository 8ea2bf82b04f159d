// The constant matrices of F(4x4, 3x3), each as the few operations that multiply a column by it (Lavin and Gray 2015,
// section 4.2 and appendix; interpolation points 0, 1, -1, 2, -2 and infinity).
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

/** A^T, 6 -> 4: a column of a tile of products. */
export const outputMatrix: Transform = (v, column) => {
  const [m0, m1, m2, m3, m4, m5] = column as [Local, Local, Local, Local, Local, Local];
  const [s, d] = [v.add(m1, m2), v.sub(m1, m2)];
  const [t, u] = [v.add(m3, m4), v.sub(m3, m4)];
  const twice = v.add(u, u);
  return [
    v.add(v.add(m0, s), t),
    v.add(d, twice),
    v.add(s, v.times(t, 4)),
    v.add(v.add(d, v.times(twice, 4)), m5),
  ];
};

/** G, 3 -> 6: a column of a kernel. */
export const kernelMatrix: Transform = (v, column) => {
  const [k0, k1, k2] = column as [Local, Local, Local];
  const [a, b] = [v.times(v.add(k0, k2), -1 / 6), v.times(k1, 1 / 6)];
  const [c, d] = [v.add(v.times(k0, 1 / 24), v.times(k2, 1 / 6)), v.times(k1, 1 / 12)];
  return [v.times(k0, 1 / 4), v.sub(a, b), v.add(a, b), v.add(c, d), v.sub(c, d), k2];
};

/** A, 4 -> 6: a column of a tile of the result's gradient. */
export const gradientMatrix: Transform = (v, column) => {
  const [g0, g1, g2, g3] = column as [Local, Local, Local, Local];
  const [s, d] = [v.add(g0, g2), v.add(g1, g3)];
  const half = v.add(g1, v.times(g3, 4));
  const [a, b] = [v.add(g0, v.times(g2, 4)), v.add(half, half)];
  return [g0, v.add(s, d), v.sub(s, d), v.add(a, b), v.sub(a, b), g3];
};

/** G^T, 6 -> 3: a column of products summed over all tiles. */
export const filterMatrix: Transform = (v, column) => {
  const [m0, m1, m2, m3, m4, m5] = column as [Local, Local, Local, Local, Local, Local];
  const [s, d] = [v.times(v.add(m1, m2), 1 / 6), v.times(v.sub(m2, m1), 1 / 6)];
  const [t, u] = [v.add(m3, m4), v.times(v.sub(m3, m4), 1 / 12)];
  return [
    v.add(v.sub(v.times(m0, 1 / 4), s), v.times(t, 1 / 24)),
    v.add(d, u),
    v.add(v.sub(v.times(t, 1 / 6), s), m5),
  ];
};
