/** @file Layers with parameters that hide no mistake, inputs without ties, and how far two results are apart. */
import { expect } from "vitest";
import { Tensor, mapTree, random, tensor } from "../../src/index.ts";

type DType = "float32" | "float64";

/** Distinct numbers in (-1, 1), none near 0 or near another: maxima and rectifiers are smooth there. */
export function spread(shape: readonly number[], dtype: DType, turn = 0): Tensor {
  const size = shape.reduce((product, extent) => product * extent, 1);
  const prime = 7919;
  const data = Array.from(
    { length: size },
    (_, i) => (2 * ((((i + turn) * prime) % size) + 0.5)) / size - 1,
  );
  return tensor(data, { shape: [...shape], dtype });
}

/** The layer with parameters in (0.3, 1.3), positive for variances and far from what hides mistakes (0 and 1). */
export function drawn<M extends Parameters<typeof mapTree>[1]>(made: M, seed = 5): M {
  let index = 0;
  return mapTree("drawn", made, (leaf) =>
    random.uniform(random.key(seed + index++), leaf.shape, {
      dtype: leaf.dtype as DType,
      min: 0.3,
      max: 1.3,
    }),
  ) as M;
}

/** Largest difference, relative to the largest element. */
export function distance(found: Tensor, expected: Tensor): number {
  expect(found.shape).toEqual(expected.shape);
  const [a, b] = [found.data(), expected.data()];
  let [scale, worst] = [1e-3, 0];
  for (let i = 0; i < b.length; i++) {
    scale = Math.max(scale, Math.abs(b[i]!));
    worst = Math.max(worst, Math.abs(a[i]! - b[i]!));
  }
  return worst / scale;
}
