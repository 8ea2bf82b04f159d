// What the tables of cases are written with: data away from kinks, references in plain JavaScript.

import { sizeOf } from "../../src/ir/shape.ts";
import type { Nested, Tensor } from "../../src/ir/tensor.ts";
import { tensor } from "../../src/ops/index.ts";

/** One way to use a function. */
export interface Case {
  readonly args: readonly Tensor[];
  readonly f: (...args: Tensor[]) => readonly Tensor[];
  /** What the outputs must be, worked out without the library. */
  readonly expected: readonly Nested[];
  /** Whether derivatives are compared with differences; false where none flow. */
  readonly differentiate: boolean;
  /** First step of the differences. */
  readonly step?: number;
}

/** Distinct numbers in (low, high), well apart, in no order (the golden ratio's multiples). */
export function spread(shape: readonly number[], low = -2, high = 2, seed = 0): Tensor {
  const elements = Float64Array.from({ length: sizeOf(shape) }, (_, i) => {
    const turn = ((i + 1 + 7 * seed) * 0.6180339887498949) % 1;
    return low + (high - low) * turn;
  });
  return tensor(elements, { shape });
}

export const ints = (data: Nested): Tensor => tensor(data, { dtype: "int32" });
export const bools = (data: Nested): Tensor => tensor(data, { dtype: "bool" });
export const doubles = (data: Nested): Tensor => tensor(data, { dtype: "float64" });

/** Nested arrays of `fn(i0, i1, ...)`. */
export function build(
  shape: readonly number[],
  fn: (...index: number[]) => number | boolean,
): Nested {
  const at = (index: number[]): Nested =>
    index.length === shape.length
      ? fn(...index)
      : Array.from({ length: shape[index.length]! }, (_, i) => at([...index, i]));
  return at([]);
}

/** The element of nested arrays at an index. */
export function pick(nested: Nested, ...index: number[]): number {
  return index.reduce((level, i) => (level as Nested[])[i]!, nested) as number;
}

/** Abramowitz and Stegun 7.1.6, by its series: enough for |x| <= 2. */
export function erfReference(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < 60; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

type Operation = (...args: Tensor[]) => Tensor | readonly Tensor[];

/** A case of a function that returns a tensor, or (`many`) several. */
export function composite(
  args: readonly Tensor[],
  f: Operation,
  expected: Nested | readonly Nested[],
  options: { differentiate?: boolean; step?: number; many?: boolean } = {},
): Case {
  const { differentiate = true, many = false, ...rest } = options;
  return {
    args,
    f: (...given) => {
      const out = f(...given);
      return Array.isArray(out) ? (out as Tensor[]) : [out as Tensor];
    },
    expected: many ? (expected as Nested[]) : [expected as Nested],
    differentiate,
    ...rest,
  };
}
