/** @file Gauss-Legendre quadrature on [0, 1]. */
import { arange } from "../ops/index.ts";

/** A rule: the integral over [0, 1] is about the sum of weights times values at nodes, exact for polynomials of degree 2 n - 1. */
export interface Quadrature {
  readonly nodes: Float64Array;
  readonly weights: Float64Array;
}

/**
 * The rule of n points. Its nodes are the zeros of the Legendre polynomial P_n, found by Newton's method from near
 * cos(π (i - 1/4) / (n + 1/2)); weights 2 / ((1 - x²) P_n'(x)²) on [-1, 1] (Abramowitz and Stegun 22.16.6 and 25.4.29).
 */
export function gaussLegendre(n: number): Quadrature {
  const angles = arange(0, n, 1, { dtype: "float64" })
    .add(0.75)
    .mul(Math.PI / (n + 0.5));
  const nodes = angles.cos().data() as Float64Array;
  const weights = nodes.map((start, i) => {
    let x = start;
    for (let step = 0; step < 8; step++) {
      const { value, slope } = legendre(n, x);
      x -= value / slope;
    }
    nodes[i] = (1 + x) / 2;
    const { slope } = legendre(n, x);
    return 1 / ((1 - x * x) * slope * slope);
  });
  return { nodes, weights };
}

/** P_n and its derivative at x, by Bonnet's recursion. */
function legendre(n: number, x: number): { readonly value: number; readonly slope: number } {
  let [before, value] = [1, x];
  for (let k = 1; k < n; k++)
    [before, value] = [value, ((2 * k + 1) * x * value - k * before) / (k + 1)];
  return { value, slope: (n * (x * value - before)) / (x * x - 1) };
}
