/** @file Random tensor programs for property tests: every choice is drawn from a list of numbers, so that fast-check can shrink them. */
import * as ops from "../../src/ops/index.ts";
import type { DType } from "../../src/ir/dtype.ts";
import type { Tensor } from "../../src/ir/tensor.ts";

/** Draws choices from a finite list, over and over. */
export class Choices {
  private next = 0;
  private readonly numbers: readonly number[];

  constructor(numbers: readonly number[]) {
    this.numbers = numbers.length === 0 ? [0] : numbers;
  }

  below(bound: number): number {
    const { length } = this.numbers;
    const at = this.next++;
    // Another number each time round, for programs longer than the list.
    return (this.numbers[at % length]! + 7919 * Math.floor(at / length)) % bound;
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}

type Step = (draw: Choices, pick: () => Tensor, pool: readonly Tensor[]) => Tensor;

const tame = (x: Tensor): Tensor => ops.div(x, ops.add(1, ops.abs(x)));
export const permutation = (draw: Choices, rank: number): number[] => {
  const left = Array.from({ length: rank }, (_, axis) => axis);
  return Array.from({ length: rank }, () => left.splice(draw.below(left.length), 1)[0]!);
};
export const axesOf = (draw: Choices, rank: number): number[] =>
  Array.from({ length: rank }, (_, axis) => axis).filter(() => draw.below(2) === 1);
/** Fits the second operand to the first by what broadcasting allows: equal shapes, a row, or a scalar. */
const partner = (draw: Choices, x: Tensor, pool: readonly Tensor[]): Tensor => {
  const same = pool.filter(
    (y) =>
      y.rank <= x.rank &&
      y.shape.every((extent, axis) => extent === x.shape[x.rank - y.rank + axis] || extent === 1),
  );
  return draw.of(same);
};

/** One way to make a tensor from those at hand. */
const steps: Record<string, Step> = {
  add: (draw, pick, pool) => ((x) => ops.add(x, partner(draw, x, pool)))(pick()),
  mul: (draw, pick, pool) => ((x) => ops.mul(tame(x), partner(draw, x, pool)))(pick()),
  sub: (draw, pick, pool) => ((x) => ops.sub(partner(draw, x, pool), x))(pick()),
  div: (draw, pick, pool) =>
    ((x) => ops.div(x, ops.add(1, ops.abs(partner(draw, x, pool)))))(pick()),
  max: (draw, pick, pool) => ((x) => ops.maximum(x, partner(draw, x, pool)))(pick()),
  where: (draw, pick, pool) =>
    ((x) => ops.where(ops.less(x, partner(draw, x, pool)), x, ops.neg(x)))(pick()),
  select: (draw, pick, pool) =>
    ((x) =>
      ops.where(ops.logicalAnd(ops.greater(x, 0), ops.notEqual(x, 1)), partner(draw, x, pool), x))(
      pick(),
    ),
  tanh: (_, pick) => ops.tanh(pick()),
  exp: (_, pick) => ops.exp(tame(pick())),
  sqrt: (_, pick) => ops.sqrt(ops.abs(pick())),
  sin: (_, pick) => ops.sin(pick()),
  floor: (_, pick) => ops.cast(ops.cast(ops.mul(tame(pick()), 7.25), "int32"), pick().dtype),
  transpose: (draw, pick) => ((x) => ops.transpose(x, permutation(draw, x.rank)))(pick()),
  flip: (draw, pick) => ((x) => ops.flip(x, axesOf(draw, x.rank)))(pick()),
  reshape: (draw, pick) =>
    ((x) => ops.reshape(x, draw.of([[-1], [1, -1], [-1, 1], [...x.shape, 1]])))(pick()),
  slice: (draw, pick) =>
    ((x) => {
      const starts = x.shape.map((extent) => draw.below(Math.max(1, extent)));
      return ops.slice(
        x,
        starts,
        x.shape.map((extent, axis) => starts[axis]! + draw.below(extent - starts[axis]! + 1)),
        x.shape.map(() => 1 + draw.below(3)),
      );
    })(pick()),
  pad: (draw, pick) =>
    ((x) =>
      ops.pad(
        x,
        x.shape.map(() => [draw.below(3), draw.below(2)] as [number, number]),
        0.5,
      ))(pick()),
  concat: (draw, pick) =>
    ((x) => (x.rank === 0 ? x : ops.concat([x, ops.neg(x), x], draw.below(x.rank))))(pick()),
  outer: (_, pick) =>
    ((x) => (x.rank !== 1 ? x : ops.mul(ops.expandDims(x, 1), ops.expandDims(x, 0))))(pick()),
  sum: (draw, pick) => ((x) => ops.sum(x, axesOf(draw, x.rank), draw.below(2) === 1))(pick()),
  reduceMax: (draw, pick) => ((x) => (x.size === 0 ? x : ops.max(x, axesOf(draw, x.rank))))(pick()),
  mean: (draw, pick) =>
    ((x) => (x.size === 0 ? x : ops.sub(x, ops.mean(x, axesOf(draw, x.rank), true))))(pick()),
  matmul: (_, pick) => ((x) => (x.rank !== 2 ? x : ops.matmul(tame(x), ops.transpose(x))))(pick()),
  gram: (_, pick) => ((x) => (x.rank !== 2 ? x : ops.matmul(ops.transpose(tame(x)), x)))(pick()),
  cumSum: (draw, pick) =>
    ((x) => (x.rank === 0 ? x : ops.cumSum(tame(x), draw.below(x.rank))))(pick()),
};

const names = Object.keys(steps);
const largest = 4000;

/** Applies drawn steps to the inputs, and gives the last few results back. */
export function randomProgram(
  numbers: readonly number[],
  length: number,
): (...inputs: Tensor[]) => Tensor[] {
  return (...inputs) => {
    const draw = new Choices(numbers);
    const pool = [...inputs];
    for (let count = 0; count < length; count++) {
      const result = steps[draw.of(names)]!(draw, () => pool[draw.below(pool.length)]!, pool);
      if (result.size <= largest && result.rank <= 4) pool.push(result);
    }
    return pool.slice(-4);
  };
}

/** Inputs with fixed, uneven values. */
export function sampleInputs(dtype: DType): Tensor[] {
  const values = (count: number, seed: number): number[] =>
    Array.from({ length: count }, (_, index) => Math.sin(index * 1.37 + seed) * 2);
  return [
    ops.tensor(values(35, 1), { shape: [7, 5], dtype }),
    ops.tensor(values(35, 2), { shape: [7, 5], dtype }),
    ops.tensor(values(5, 3), { shape: [5], dtype }),
    ops.tensor(values(24, 4), { shape: [2, 3, 4], dtype }),
    ops.tensor(values(1, 5), { shape: [], dtype }),
    ops.tensor(values(50, 6), { shape: [25, 2], dtype }),
  ];
}
