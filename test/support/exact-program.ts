/**
 * @file Random programs over all dtypes whose every result is exact, so that two backends have to agree to the bit: floats
 * are multiples of 1/8 of at most 32, whose sums are the same in any order; functions that round are rounded to such
 * multiples. Whatever jumps (comparisons, truncation, arg-extremes, indices) can therefore stand anywhere.
 */
import * as ops from "../../src/ops/index.ts";
import { type DType, isFloat } from "../../src/ir/dtype.ts";
import { type Shape, sizeOf } from "../../src/ir/shape.ts";
import type { Tensor } from "../../src/ir/tensor.ts";
import { apply } from "../../src/ir/trace.ts";
import { bind1 } from "../../src/ops/bind.ts";
import { Choices, axesOf, permutation } from "./choices.ts";

/** What a step draws from. */
interface Scope {
  readonly draw: Choices;
  readonly pool: readonly Tensor[];
  /** A tensor at hand of one of the dtypes (any by default); cast to the first where there is none. */
  pick(...dtypes: DType[]): Tensor;
}

type Step = (scope: Scope) => Tensor | readonly Tensor[];

const floats: DType[] = ["float32", "float64"];
const numbers: DType[] = [...floats, "int32"];
const limit = 32;

/** Back to the range in which sums are exact; integers wrap, and need none. */
const tame = (x: Tensor, bound: number = limit): Tensor =>
  isFloat(x.dtype) ? ops.clip(x, -bound, bound) : x;
/** To a multiple of 1/8. */
const rounded = (x: Tensor): Tensor =>
  isFloat(x.dtype) ? ops.mul(ops.round(ops.mul(tame(x, 4), 8)), 0.125) : x;

/** A tensor of x's dtype that broadcasts to x's shape. */
function partner({ draw, pool }: Scope, x: Tensor): Tensor {
  const fitting = pool.filter(
    (y) =>
      y.rank <= x.rank &&
      y.shape.every((extent, axis) => extent === x.shape[x.rank - y.rank + axis] || extent === 1),
  );
  const same = fitting.filter((y) => y.dtype === x.dtype);
  const y = draw.of(same.length > 0 && draw.below(4) > 0 ? same : fitting);
  return convert(y, x.dtype);
}

function convert(x: Tensor, dtype: DType): Tensor {
  const from = x.dtype;
  return isFloat(dtype) && from === "int32" ? tame(ops.cast(x, dtype)) : ops.cast(x, dtype);
}

/** x's elements over and over in another shape. */
function refill(x: Tensor, shape: Shape): Tensor {
  const size = sizeOf(shape);
  const places = apply(
    "rem",
    {},
    [ops.iota([size], 0), ops.full([size], x.size, { dtype: "int32" })],
    [{ shape: [size], dtype: "int32" }],
  )[0]!;
  return ops.reshape(ops.take(ops.flatten(x), places), shape);
}

/** A walk through memory that is not straight: transposed, flipped, or with steps, but of the given shape. */
function walked({ draw }: Scope, x: Tensor, shape: Shape): Tensor {
  switch (draw.below(4)) {
    case 0:
      return refill(x, shape);
    case 1: {
      const reversed = [...shape].reverse();
      return ops.transpose(refill(x, reversed));
    }
    case 2:
      return ops.flip(refill(x, shape), axesOf(draw, shape.length));
    default: {
      const steps = shape.map(() => 1 + draw.below(3));
      const larger = shape.map((extent, axis) => extent * steps[axis]!);
      return ops.slice(
        refill(x, larger),
        shape.map(() => 0),
        larger,
        steps,
      );
    }
  }
}

const integer =
  (prim: "div" | "rem"): Step =>
  (scope) => {
    const x = scope.pick("int32");
    const y = ops.broadcastTo(partner(scope, x), x.shape);
    return apply(prim, {}, [x, y], [x])[0]!;
  };

const unary =
  (fn: (x: Tensor) => Tensor): Step =>
  ({ pick }) =>
    rounded(fn(tame(pick(...floats), 4)));

const reduce =
  (fn: (x: Tensor, axes: number[], keep: boolean) => Tensor): Step =>
  ({ draw, pick }) => {
    const x = pick(...numbers);
    if (x.size === 0) return x;
    return tame(fn(x, axesOf(draw, x.rank), draw.below(2) === 1));
  };

/** One way to make tensors from those at hand. */
const steps: Record<string, Step> = {
  add: (s) => ((x) => tame(ops.add(x, partner(s, x))))(s.pick(...numbers)),
  sub: (s) => ((x) => tame(ops.sub(partner(s, x), x)))(s.pick(...numbers)),
  mul: (s) => ((x) => rounded(ops.mul(tame(x, 4), tame(partner(s, x), 4))))(s.pick(...numbers)),
  div: (s) => ((x) => rounded(ops.div(x, ops.add(1, ops.abs(partner(s, x))))))(s.pick(...floats)),
  remainder: (s) => ((x) => ops.rem(x, ops.add(1, ops.abs(partner(s, x)))))(s.pick(...floats)),
  integerDiv: integer("div"),
  integerRem: integer("rem"),
  shiftRight: ({ draw, pick }) => bind1("shiftRight", [pick("int32")], { bits: draw.below(32) }),
  extrema: (s) =>
    ((x) => ops.minimum(ops.maximum(x, partner(s, x)), partner(s, x)))(s.pick(...numbers)),
  signs: ({ draw, pick }) => draw.of([ops.neg, ops.abs, ops.sign])(pick(...numbers)),
  rounding: ({ draw, pick }) => draw.of([ops.floor, ops.ceil, ops.round])(pick(...floats)),
  transcendental: (s) =>
    unary(s.draw.of([ops.sin, ops.cos, ops.exp, ops.tanh, ops.atan, ops.erf, ops.expm1, ops.tan]))(
      s,
    ),
  roots: unary((x) => ops.sqrt(ops.abs(x))),
  logarithm: unary((x) => ops.log(ops.add(ops.abs(x), 1.3))),
  power: (s) =>
    ((x) => rounded(ops.pow(ops.add(ops.abs(tame(x, 4)), 1.3), rounded(partner(s, x)))))(
      s.pick(...floats),
    ),
  chain: (s) =>
    ((x) => {
      let y = tame(x, 4);
      for (let count = 2 + s.draw.below(4); count > 0; count--)
        y = rounded(ops.add(ops.mul(y, tame(partner(s, x), 4)), y));
      return y;
    })(s.pick(...numbers)),
  cast: ({ draw, pick }) => convert(pick(), draw.of([...numbers, "bool"] as DType[])),
  compare: (s) =>
    ((x) =>
      s.draw.of([ops.less, ops.lessEqual, ops.greater, ops.greaterEqual, ops.equal, ops.notEqual])(
        x,
        partner(s, x),
      ))(s.pick(...numbers)),
  logic: (s) =>
    ((x) => s.draw.of([ops.logicalAnd, ops.logicalOr, ops.equal, ops.notEqual])(x, partner(s, x)))(
      s.pick("bool"),
    ),
  not: ({ pick }) => ops.logicalNot(pick("bool")),
  select: (s) => ((x) => ops.where(partner(s, ops.cast(x, "bool")), x, partner(s, x)))(s.pick()),
  iota: ({ draw, pick }) => {
    const x = pick();
    const dtype = draw.of(numbers);
    return x.rank === 0 ? x : tame(ops.iota(x.shape, draw.below(x.rank), { dtype }));
  },
  withIota: ({ draw, pick }) => {
    const x = pick(...numbers);
    if (x.rank === 0) return x;
    const { dtype } = x;
    return tame(ops.add(x, tame(ops.iota(x.shape, draw.below(x.rank), { dtype }))));
  },
  constant: ({ draw, pick }) =>
    ((x) => ops.full(x.shape, draw.below(5), { dtype: x.dtype }))(pick(...numbers)),
  transpose: ({ draw, pick }) => ((x) => ops.transpose(x, permutation(draw, x.rank)))(pick()),
  flip: ({ draw, pick }) => ((x) => ops.flip(x, axesOf(draw, x.rank)))(pick()),
  reshape: ({ draw, pick }) =>
    ((x) => ops.reshape(x, draw.of([[x.size], [1, x.size], [x.size, 1], [...x.shape, 1]])))(pick()),
  broadcast: ({ draw, pick }) =>
    ((x) => ops.broadcastTo(x, [2 + draw.below(4), ...x.shape]))(pick()),
  outer: (s) => {
    const [x, y] = [ops.flatten(s.pick(...floats)), ops.flatten(s.pick(...floats))];
    return rounded(
      ops.mul(tame(ops.expandDims(x, 1), 4), tame(ops.cast(ops.expandDims(y, 0), x.dtype), 4)),
    );
  },
  slice: ({ draw, pick }) => {
    const x = pick();
    const start = x.shape.map((extent) => draw.below(extent + 1));
    const step = x.shape.map(() => draw.of([1, 1, 2, 3, -1, -2]));
    const stop = x.shape.map((extent, axis) =>
      step[axis]! > 0
        ? Math.min(extent, start[axis]! + draw.below(extent + 1))
        : draw.below(start[axis]! + 1),
    );
    return ops.slice(x, start, stop, step);
  },
  reverseOfTranspose: ({ draw, pick }) => {
    const x = pick();
    const turned = ops.transpose(x, permutation(draw, x.rank));
    const part = ops.slice(
      turned,
      turned.shape.map((extent) => Math.min(extent, draw.below(2))),
      turned.shape.map((extent) => extent),
      turned.shape.map(() => 1 + draw.below(2)),
    );
    return ops.flip(part, axesOf(draw, x.rank));
  },
  pad: ({ draw, pick }) =>
    ((x) =>
      ops.pad(
        x,
        x.shape.map((extent) => [draw.below(3), draw.below(2), extent > 1 ? draw.below(3) : 0]),
        draw.below(2),
      ))(pick()),
  concat: (s) =>
    ((x) =>
      x.rank === 0
        ? x
        : ops.concat([x, ops.broadcastTo(partner(s, x), x.shape), x], s.draw.below(x.rank)))(
      s.pick(),
    ),
  sum: reduce((x, axes, keep) => ops.sum(x, axes, keep)),
  max: reduce((x, axes, keep) => ops.max(x, axes, keep)),
  min: reduce((x, axes, keep) => ops.min(x, axes, keep)),
  emptySum: ({ draw, pick }) => ((x) => ops.sum(x, axesOf(draw, x.rank)))(pick(...numbers)),
  prod: reduce((x, axes) =>
    ops.prod(
      x.dtype === "int32"
        ? x
        : ops.where(ops.greater(x, 0), 1, ops.full([], -1, { dtype: x.dtype })),
      axes,
    ),
  ),
  anyAll: ({ draw, pick }) =>
    ((x) => draw.of([ops.any, ops.all])(x, axesOf(draw, x.rank)))(pick("bool")),
  mean: ({ draw, pick }) => {
    const x = pick(...floats);
    return x.size === 0 ? x : rounded(ops.mean(x, axesOf(draw, x.rank), true));
  },
  /** Folds of one expression over different axes: they meet in one kernel. */
  marginals: (s) => {
    const x = s.pick(...numbers);
    if (x.rank < 2 || x.size === 0) return x;
    const product = rounded(ops.mul(tame(x, 4), tame(partner(s, x), 4)));
    return x.shape.map((_, axis) => {
      const fold = s.draw.of([ops.sum, ops.sum, ops.max, ops.min]);
      return tame(
        s.draw.below(2) === 0
          ? fold(product, [axis])
          : fold(
              product,
              x.shape.flatMap((_n, i) => (i === axis ? [] : [i])),
            ),
      );
    });
  },
  /** A row against every row: loads that an outer loop repeats. */
  pairs: (s) => {
    const x = s.pick(...floats);
    if (x.rank !== 2 || x.size === 0) return x;
    const [n, m] = x.shape as [number, number];
    const other = walked(s, x, [m, 5]);
    const products = ops.mul(ops.expandDims(tame(x, 4), 2), ops.expandDims(tame(other, 4), 0));
    return n * m * 5 > 40_000 ? x : tame(ops.sum(rounded(products), [s.draw.below(3)]));
  },
  cumSum: ({ draw, pick }) => {
    const x = pick(...numbers);
    return x.rank === 0 ? x : tame(ops.cumSum(x, draw.below(x.rank), draw.below(2) === 1));
  },
  argExtremum: ({ draw, pick }) => {
    const x = pick(...numbers);
    if (x.rank === 0 || x.size === 0) return x;
    return draw.of([ops.argMax, ops.argMin])(x, draw.below(x.rank), draw.below(2) === 1);
  },
  take: ({ draw, pick }) => {
    const [x, indices] = [pick(), pick("int32")];
    if (x.rank === 0 || x.size === 0) return x;
    return ops.take(x, indices, draw.below(x.rank));
  },
  scatter: ({ draw, pick }) => {
    const [x, indices] = [pick(...numbers), pick("int32")];
    if (x.rank === 0 || x.size === 0 || x.size * indices.size > 40_000) return x;
    const axis = draw.below(x.rank);
    const size = 1 + draw.below(6);
    return tame(ops.scatterAdd(tame(ops.take(x, indices, axis), 4), indices, size, axis));
  },
  takeAlong: ({ draw, pick }) => {
    const x = pick();
    if (x.rank === 0 || x.size === 0) return x;
    const axis = draw.below(x.rank);
    const shape = x.shape.map((extent, i) => (i === axis ? 1 + draw.below(4) : extent));
    return ops.takeAlongAxis(
      x,
      walked({ draw, pick, pool: [] }, nonempty(pick("int32")), shape),
      axis,
    );
  },
  randomBits: ({ draw, pick }) => {
    const x = nonempty(pick("int32"));
    return ops.random.bits(refill(x, [2]), [1 + draw.below(5), 1 + draw.below(9)]);
  },
  smallProduct: (s) => {
    const side = (): number => 1 + s.draw.below(6);
    const [m, k, n] = [side(), side(), side()];
    const batch = s.draw.of([[], [], [3], [2, 2]]);
    const x = nonempty(s.pick(...floats));
    const a = tame(walked(s, x, [...batch, m, k]), 4);
    const y = nonempty(ops.cast(s.pick(...floats), x.dtype));
    const b = tame(walked(s, y, [...(s.draw.below(2) === 0 ? batch : []), k, n]), 4);
    return rounded(ops.matmul(a, b));
  },
  longProduct: (s) => {
    const x = nonempty(s.pick(...floats));
    const sides = permutation(s.draw, 3).map(
      (place) => [1 + s.draw.below(5), 9 + s.draw.below(30), 7][place]!,
    );
    const [m, k, n] = sides as [number, number, number];
    return rounded(ops.matmul(tame(walked(s, x, [m, k]), 4), tame(walked(s, x, [k, n]), 4)));
  },
  constantProduct: ({ draw, pick }) => {
    const x = pick(...floats);
    if (x.rank !== 2 || x.size === 0) return x;
    const ones = ops.full([5 + draw.below(3), x.shape[0]!], 0.5, { dtype: x.dtype });
    return rounded(
      ops.matmul(
        draw.below(2) === 0 ? ones : ops.iota(ones.shape, 0, { dtype: x.dtype }),
        tame(x, 4),
      ),
    );
  },
  gram: ({ draw, pick }) => {
    const x = tame(pick(...floats), 4);
    if (x.rank !== 2 || x.size > 5000) return x;
    return rounded(
      draw.below(2) === 0 ? ops.matmul(x, ops.transpose(x)) : ops.matmul(ops.transpose(x), x),
    );
  },
  /** The same kernels several times. */
  stages: ({ draw, pick }) => {
    let x = pick(...numbers);
    if (x.rank === 0) return x;
    const axis = draw.below(x.rank);
    for (let count = 0; count < 3; count++)
      x = tame(
        ops.sub(
          ops.cumSum(rounded(ops.mul(tame(x, 4), 0 + (isFloat(x.dtype) ? 0.5 : 3))), axis),
          x,
        ),
      );
    return x;
  },
};

const nonempty = (x: Tensor): Tensor => (x.size > 0 ? x : ops.ones([1], { dtype: x.dtype }));

/** Names of all steps. */
export const exactSteps: readonly string[] = Object.keys(steps);

/** Applies drawn steps to the inputs; the last results come back, and one drawn from all that there are. */
export function exactProgram(
  numbers: readonly number[],
  length: number,
  largest = 4000,
  only: readonly string[] = exactSteps,
): (...inputs: Tensor[]) => Tensor[] {
  return (...inputs) => {
    const draw = new Choices(numbers);
    const pool = [...inputs];
    const pick = (...dtypes: DType[]): Tensor => {
      const fitting = dtypes.length === 0 ? pool : pool.filter((x) => dtypes.includes(x.dtype));
      // The latest ones twice as often: programs get deep.
      const from = draw.below(2) === 0 ? fitting : fitting.slice(-4);
      return from.length > 0 ? draw.of(from) : convert(draw.of(pool), dtypes[0]!);
    };
    for (let count = 0; count < length; count++) {
      const results = [steps[draw.of(only)]!({ draw, pool, pick })].flat() as Tensor[];
      for (const result of results)
        if (result.size <= largest && result.rank <= 5) pool.push(result);
    }
    return [...pool.slice(-5), draw.of(pool)];
  };
}

/** Inputs of all dtypes in shapes of all kinds: scalars, empty ones, extents of 1, long and square ones. */
export function exactInputs(big = false): Tensor[] {
  const values = (shape: Shape, seed: number, dtype: DType): Tensor => {
    const list = Array.from({ length: sizeOf(shape) }, (_, index) =>
      Math.round(Math.sin(index * 1.37 + seed) * (dtype === "int32" ? 9 : 30)),
    );
    const scaled =
      dtype === "int32" ? list : dtype === "bool" ? list.map((x) => x > 0) : list.map((x) => x / 8);
    return ops.tensor(scaled, { shape, dtype });
  };
  return [
    values([7, 5], 1, "float32"),
    values([5], 2, "float64"),
    values([7, 5], 3, "int32"),
    values([7, 5], 4, "bool"),
    values([2, 3, 4], 5, "float64"),
    values([], 6, "float32"),
    values([3, 0], 7, "float32"),
    values([1, 6, 1], 8, "int32"),
    values([25, 2], 9, "float32"),
    values([4], 10, "bool"),
    ...(big
      ? [
          values([130, 17], 11, "float32"),
          values([33, 70], 12, "float32"),
          values([9, 20, 11], 13, "float64"),
          values([70, 9], 14, "int32"),
          values([300], 15, "float32"),
          values([12, 1100], 16, "float32"),
        ]
      : []),
  ];
}
