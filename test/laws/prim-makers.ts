// Makers of cases for families of primitives: elementwise ones on several shapes, reductions over several axes.

import type { DType } from "../../src/ir/dtype.ts";
import type { ParamsOf, PrimName } from "../../src/ir/prim.ts";
import type { Nested, Tensor } from "../../src/ir/tensor.ts";
import { bind } from "../../src/ops/bind.ts";
import { type Case, build, pick, spread } from "./cases.ts";

const shapes: readonly (readonly number[])[] = [[], [5], [2, 3], [3, 1, 2], [0], [2, 0]];

export function unary(
  prim: PrimName,
  fn: (x: number) => number,
  low = -2,
  high = 2,
  differentiate = true,
): Case[] {
  return shapes.map((shape, i) => {
    const x = spread(shape, low, high, i);
    const data = x.toArray();
    return {
      args: [x],
      f: (a) => bind(prim, [a!], {} as never),
      expected: [build(shape, (...at) => fn(pick(data, ...at)))],
      differentiate,
      step: 1e-3,
    };
  });
}

export function binary(
  prim: PrimName,
  fn: (x: number, y: number) => number | boolean,
  options: { low?: number; high?: number; differentiate?: boolean; dtype?: DType } = {},
): Case[] {
  const { low = -2, high = 2, differentiate = true, dtype = "float64" } = options;
  return shapes.map((shape, i) => {
    const x = spread(shape, low, high, i).cast(dtype);
    const y = spread(shape, low, high, i + 10).cast(dtype);
    const [a, b] = [x.toArray(), y.toArray()];
    return {
      args: [x, y],
      f: (p, q) => bind(prim, [p!, q!], {} as never),
      expected: [build(shape, (...at) => fn(pick(a, ...at), pick(b, ...at)))],
      differentiate,
      step: 1e-4,
    };
  });
}

export function one<P extends PrimName>(
  prim: P,
  args: readonly Tensor[],
  params: ParamsOf<P>,
  expected: Nested,
  differentiate = true,
): Case {
  return { args, f: (...given) => bind(prim, given, params), expected: [expected], differentiate };
}

export const reduceCases = (
  prim: "reduceSum" | "reduceProd" | "reduceMax" | "reduceMin",
  fold: (list: number[]) => number,
): Case[] => {
  const x = spread([2, 3, 4], -2, 2, 3);
  const data = x.toArray();
  const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
  const cases = [
    one(
      prim,
      [x],
      { axes: [1] },
      build([2, 4], (i, k) => fold(range(3).map((j) => pick(data, i, j, k)))),
    ),
    one(
      prim,
      [x],
      { axes: [0, 2] },
      build([3], (j) => fold(range(8).map((n) => pick(data, n >> 2, j, n & 3)))),
    ),
    one(
      prim,
      [x],
      { axes: [0, 1, 2] },
      fold(range(24).map((n) => pick(data, Math.floor(n / 12), Math.floor(n / 4) % 3, n % 4))),
    ),
    one(prim, [spread([1])], { axes: [0] }, fold([pick(spread([1]).toArray(), 0)])),
  ];
  if (prim === "reduceSum" || prim === "reduceProd")
    cases.push(
      one(prim, [spread([2, 0])], { axes: [1] }, [fold([]), fold([])]),
      one(prim, [spread([0, 2])], { axes: [1] }, []),
    );
  return cases.map((c) => ({ ...c, step: 1e-3 }));
};
