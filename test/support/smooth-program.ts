/** @file Random differentiable programs of float64 tensors, for derivatives against differences and backends against each other. */
import { scan } from "../../src/autodiff/index.ts";
import * as ops from "../../src/ops/index.ts";
import type { Tensor } from "../../src/ir/tensor.ts";
import { Choices, axesOf, permutation } from "./choices.ts";

type Step = (draw: Choices, pick: () => Tensor, pool: readonly Tensor[]) => Tensor;

/** Values of moderate size: x / sqrt(1 + x^2 / 4). */
const tame = (x: Tensor): Tensor => ops.div(x, ops.sqrt(ops.add(1, ops.mul(0.25, ops.square(x)))));

function partner(draw: Choices, x: Tensor, pool: readonly Tensor[]): Tensor {
  const fitting = pool.filter(
    (y) =>
      y.rank <= x.rank &&
      y.shape.every((extent, axis) => extent === x.shape[x.rank - y.rank + axis] || extent === 1),
  );
  return draw.of(fitting);
}

const indices = (draw: Choices, count: number, extent: number): Tensor =>
  ops.tensor(
    Array.from({ length: count }, () => draw.below(extent)),
    { dtype: "int32" },
  );

const steps: Record<string, Step> = {
  add: (draw, pick, pool) => ((x) => ops.add(x, partner(draw, x, pool)))(pick()),
  sub: (draw, pick, pool) => ((x) => ops.sub(partner(draw, x, pool), x))(pick()),
  mul: (draw, pick, pool) => ((x) => ops.mul(tame(x), partner(draw, x, pool)))(pick()),
  div: (draw, pick, pool) =>
    ((x) => ops.div(x, ops.add(1, ops.square(tame(partner(draw, x, pool))))))(pick()),
  unary: (draw, pick) =>
    draw.of([ops.sin, ops.cos, ops.tanh, ops.atan, ops.exp, ops.erf, ops.sigmoid, ops.softplus])(
      tame(pick()),
    ),
  roots: (_, pick) => ops.sqrt(ops.add(1, ops.square(pick()))),
  logarithm: (_, pick) => ops.log1p(ops.square(pick())),
  power: (draw, pick, pool) =>
    ((x) => ops.pow(ops.add(1.5, ops.square(tame(x))), tame(partner(draw, x, pool))))(pick()),
  powers: (draw, pick) => ops.pow(tame(pick()), 2 + draw.below(4)),
  masked: (draw, pick, pool) =>
    ((x) =>
      x.rank === 0
        ? x
        : ops.where(
            ops.greater(ops.iota(x.shape, draw.below(x.rank)), draw.below(4)),
            x,
            partner(draw, x, pool),
          ))(pick()),
  transpose: (draw, pick) => ((x) => ops.transpose(x, permutation(draw, x.rank)))(pick()),
  flip: (draw, pick) => ((x) => ops.flip(x, axesOf(draw, x.rank)))(pick()),
  reshape: (draw, pick) =>
    ((x) => ops.reshape(x, draw.of([[x.size], [1, x.size], [x.size, 1], [...x.shape, 1]])))(pick()),
  broadcast: (draw, pick) => ((x) => ops.broadcastTo(x, [2 + draw.below(3), ...x.shape]))(pick()),
  outer: (_, pick) =>
    ((x, y) => ops.mul(ops.expandDims(tame(x), 1), ops.expandDims(y, 0)))(
      ops.flatten(pick()),
      ops.flatten(pick()),
    ),
  slice: (draw, pick) => {
    const x = pick();
    const start = x.shape.map((extent) => draw.below(extent));
    const step = x.shape.map(() => draw.of([1, 1, 2, 3, -1, -2]));
    return ops.slice(
      x,
      start,
      x.shape.map((extent, axis) => (step[axis]! > 0 ? extent : undefined)),
      step,
    );
  },
  pad: (draw, pick) =>
    ((x) =>
      ops.pad(
        x,
        x.shape.map((extent) => [draw.below(3), draw.below(2), extent > 1 ? draw.below(3) : 0]),
        0.5,
      ))(pick()),
  concat: (draw, pick, pool) =>
    ((x) =>
      x.rank === 0
        ? x
        : ops.concat([x, ops.broadcastTo(partner(draw, x, pool), x.shape), x], draw.below(x.rank)))(
      pick(),
    ),
  sum: (draw, pick) => ((x) => ops.sum(x, axesOf(draw, x.rank), draw.below(2) === 1))(pick()),
  mean: (draw, pick) => ((x) => ops.sub(x, ops.mean(x, axesOf(draw, x.rank), true)))(pick()),
  prod: (draw, pick) => ((x) => ops.prod(tame(x), axesOf(draw, x.rank)))(pick()),
  softmax: (draw, pick) => ((x) => (x.rank === 0 ? x : ops.softmax(x, draw.below(x.rank))))(pick()),
  logSumExp: (draw, pick) => ((x) => ops.logSumExp(x, axesOf(draw, x.rank)))(pick()),
  cumSum: (draw, pick) =>
    ((x) => (x.rank === 0 ? x : ops.cumSum(tame(x), draw.below(x.rank), draw.below(2) === 1)))(
      pick(),
    ),
  take: (draw, pick) =>
    ((x) => {
      if (x.rank === 0) return x;
      const axis = draw.below(x.rank);
      return ops.take(x, indices(draw, 1 + draw.below(6), x.shape[axis]!), axis);
    })(pick()),
  scatter: (draw, pick) =>
    ((x) => {
      if (x.rank === 0) return x;
      const axis = draw.below(x.rank);
      return ops.scatterAdd(x, indices(draw, x.shape[axis]!, 5), 5, axis);
    })(pick()),
  matmul: (draw, pick) => {
    const [x, y] = [pick(), pick()];
    const a = x.rank >= 2 ? x : ops.reshape(x, [1, x.size]);
    const k = a.shape.at(-1)!;
    const b = ops.take(ops.flatten(tame(y)), indices(draw, k * (1 + draw.below(6)), y.size));
    return ops.matmul(tame(a), ops.reshape(b, [k, b.size / k]));
  },
  gram: (draw, pick) => {
    const x = tame(pick());
    if (x.rank < 2) return x;
    const turned = ops.swapAxes(x, -1, -2);
    return draw.below(2) === 0 ? ops.matmul(x, turned) : ops.matmul(turned, x);
  },
  loop: (draw, pick, pool) => {
    const x = pick();
    if (x.rank === 0) return x;
    const fixed = draw.of(pool.filter((y) => y.rank === 0));
    const [last, all] = scan(
      (carry: Tensor, row: Tensor) => {
        const next = ops.tanh(ops.add(ops.mul(carry, fixed), row));
        return [next, ops.mul(next, carry)] as [Tensor, Tensor];
      },
      ops.zeros(x.shape.slice(1), { dtype: x.dtype }),
      x,
      { reverse: draw.below(2) === 1 },
    );
    return draw.below(2) === 0 ? last : all;
  },
};

const names = Object.keys(steps);

/** A scalar function of `smoothInputs()`: drawn steps, then the sum of what came last. */
export function smoothProgram(
  numbers: readonly number[],
  length: number,
  largest = 600,
): (...inputs: Tensor[]) => Tensor {
  return (...inputs) => {
    const draw = new Choices(numbers);
    const pool = [...inputs];
    const pick = (): Tensor => draw.of(draw.below(2) === 0 ? pool : pool.slice(-3));
    for (let count = 0; count < length; count++) {
      const result = steps[draw.of(names)]!(draw, pick, pool);
      if (result.size > 0 && result.size <= largest && result.rank <= 4) pool.push(result);
    }
    return pool
      .slice(-3)
      .map((x) => ops.mean(ops.sin(x)))
      .reduce((total, x) => ops.add(total, x));
  };
}

/** Generic values in small shapes. */
export function smoothInputs(): Tensor[] {
  const shapes = [[6, 5], [5], [2, 3, 4], [], [9, 2], [1, 3]];
  return shapes.map((shape, seed) =>
    ops.tensor(
      Array.from(
        { length: shape.reduce((size, extent) => size * extent, 1) },
        (_, index) => Math.sin(index * 1.37 + seed * 2.1) * 1.5 + 0.1,
      ),
      { shape, dtype: "float64" },
    ),
  );
}
