/** @file Gauss-Legendre quadrature on [0, 1]. */

/** A rule: the integral over [0, 1] is about the sum of weights times values at nodes, exact for polynomials of degree 2 n - 1. */
export interface Quadrature {
  readonly nodes: Float64Array;
  readonly weights: Float64Array;
}

/**
 * The rule of n points. Its nodes are the zeros of the Legendre polynomial P_n, each alone between two neighbouring zeros of
 * P_(n-1), and found there by bisection; weights 2 / ((1 - x²) P_n'(x)²) on [-1, 1] (Abramowitz and Stegun 25.4.29).
 */
export function gaussLegendre(n: number): Quadrature {
  let zeros: number[] = [];
  for (let degree = 1; degree <= n; degree++) {
    const ends = [-1, ...zeros, 1];
    zeros = ends.slice(1).map((high, index) => zeroBetween(degree, ends[index]!, high));
  }
  const weights = zeros.map((x) => {
    const slope = (n * (x * legendre(n, x) - legendre(n - 1, x))) / (x * x - 1);
    return 2 / ((1 - x * x) * slope * slope);
  });
  return {
    nodes: Float64Array.from(zeros, (x) => (1 + x) / 2),
    weights: Float64Array.from(weights, (weight) => weight / 2),
  };
}

/** P_n(x) by Bonnet's recursion. */
function legendre(n: number, x: number): number {
  let [before, now] = [1, x];
  if (n === 0) return before;
  for (let k = 1; k < n; k++) [before, now] = [now, ((2 * k + 1) * x * now - k * before) / (k + 1)];
  return now;
}

function zeroBetween(n: number, from: number, to: number): number {
  let [low, high] = [from, to];
  const signAtLow = Math.sign(legendre(n, low));
  for (;;) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return middle;
    if (Math.sign(legendre(n, middle)) === signAtLow) low = middle;
    else high = middle;
  }
}
