// Cases for the functions of src/ops that work element by element, by name.

import type { Nested, Tensor } from "../../src/ir/tensor.ts";
import * as ops from "../../src/ops/index.ts";
import {
  type Case,
  bools,
  build,
  composite as c,
  doubles,
  erfReference,
  ints,
  pick,
  spread,
} from "./cases.ts";

/** A function of one number, on a vector in a domain, on a scalar and on a matrix. */
function each(
  f: (x: Tensor) => Tensor,
  reference: (x: number) => number | boolean,
  low = -2,
  high = 2,
  differentiate = true,
): Case[] {
  return [[7], [], [2, 2]].map((shape, seed) => {
    const x = spread(shape, low, high, seed);
    const data = x.toArray();
    return c(
      [x],
      (a) => f(a!),
      build(shape, (...at) => reference(pick(data, ...at))),
      { differentiate, step: 1e-3 },
    );
  });
}

/** A function of two numbers, with every kind of broadcasting. */
function pairs(
  f: (x: Tensor, y: Tensor) => Tensor,
  reference: (x: number, y: number) => number | boolean,
  low = -2,
  high = 2,
  differentiate = true,
): Case[] {
  const shapes: [number[], number[], number[]][] = [
    [[3], [3], [3]],
    [[2, 3], [3], [2, 3]],
    [
      [2, 1],
      [1, 3],
      [2, 3],
    ],
    [[], [2, 2], [2, 2]],
    [[2, 0], [1], [2, 0]],
  ];
  return shapes.map(([a, b, out], seed) => {
    const [x, y] = [spread(a, low, high, seed), spread(b, low, high, seed + 9)];
    const [dx, dy] = [x.toArray(), y.toArray()];
    const from = (shape: number[], data: Nested, at: number[]): number =>
      pick(
        data,
        ...at.slice(out.length - shape.length).map((i, axis) => (shape[axis] === 1 ? 0 : i)),
      );
    return c(
      [x, y],
      (p, q) => f(p!, q!),
      build(out, (...at) => reference(from(a, dx, at), from(b, dy, at))),
      { differentiate, step: 1e-4 },
    );
  });
}

const list = (x: Tensor): number[] => Array.from(x.data());
const x23 = spread([2, 3], -2, 2, 2);
const d23 = x23.toArray();
const no = { differentiate: false };
const kinks = { step: 1e-3 };

/** By the function's name. */
export const elementwiseCases: Readonly<Record<string, readonly Case[]>> = {
  neg: each(ops.neg, (x) => -x),
  abs: each(ops.abs, Math.abs),
  sign: each(ops.sign, Math.sign, -2, 2, false),
  floor: each(ops.floor, Math.floor, -2, 2, false),
  ceil: each(ops.ceil, Math.ceil, -2, 2, false),
  round: each(ops.round, Math.round, -2, 2, false),
  sqrt: each(ops.sqrt, Math.sqrt, 0.1, 4),
  rsqrt: each(ops.rsqrt, (x) => 1 / Math.sqrt(x), 0.1, 4),
  square: each(ops.square, (x) => x * x),
  reciprocal: each(ops.reciprocal, (x) => 1 / x, 0.2, 2),
  exp: each(ops.exp, Math.exp),
  expm1: each(ops.expm1, Math.expm1),
  log: each(ops.log, Math.log, 0.1, 4),
  log1p: each(ops.log1p, Math.log1p, -0.8, 4),
  sin: each(ops.sin, Math.sin),
  cos: each(ops.cos, Math.cos),
  tan: each(ops.tan, Math.tan, -1.2, 1.2),
  asin: each(ops.asin, Math.asin, -0.95, 0.95),
  acos: each(ops.acos, Math.acos, -0.95, 0.95),
  atan: each(ops.atan, Math.atan),
  sinh: each(ops.sinh, Math.sinh),
  cosh: each(ops.cosh, Math.cosh),
  tanh: each(ops.tanh, Math.tanh),
  asinh: each(ops.asinh, Math.asinh),
  acosh: each(ops.acosh, Math.acosh, 1.1, 5),
  atanh: each(ops.atanh, Math.atanh, -0.9, 0.9),
  sigmoid: each(ops.sigmoid, (x) => 1 / (1 + Math.exp(-x))),
  softplus: each(ops.softplus, (x) => Math.log1p(Math.exp(x))),
  relu: each(ops.relu, (x) => Math.max(0, x)),
  erf: each(ops.erf, erfReference),
  erfInv: [
    ...[-0.9, -0.5, -1e-3, 1e-3, 0.2, 0.77].map((x) =>
      c([doubles(erfReference(x))], (y) => ops.erfInv(y!), x, kinks),
    ),
    c([doubles([1, -1, 0])], (y) => ops.erfInv(y!), [Infinity, -Infinity, 0], no),
  ],
  isNaN: [c([doubles([1, NaN, Infinity])], (x) => ops.isNaN(x!), [false, true, false], no)],
  isFinite: [
    c([doubles([1, NaN, -Infinity])], (x) => ops.isFinite(x!), [true, false, false], no),
    c([ints([4])], (x) => ops.isFinite(x!), [true], no),
  ],
  add: [
    ...pairs(ops.add, (x, y) => x + y),
    c(
      [x23],
      (x) => ops.add(1, x!),
      build([2, 3], (i, j) => 1 + pick(d23, i, j)),
    ),
  ],
  sub: [
    ...pairs(ops.sub, (x, y) => x - y),
    c(
      [x23],
      (x) => ops.sub(1, x!),
      build([2, 3], (i, j) => 1 - pick(d23, i, j)),
    ),
  ],
  mul: pairs(ops.mul, (x, y) => x * y),
  div: pairs(ops.div, (x, y) => x / y, 0.5, 2),
  rem: pairs(ops.rem, (x, y) => x % y, 0.5, 2),
  mod: [
    ...pairs(ops.mod, (x, y) => ((x % y) + y) % y, 0.5, 2),
    c(
      [doubles([-3.5, 3.5, -3.5]), doubles([2, -2, -2])],
      (x, y) => ops.mod(x!, y!),
      [0.5, -0.5, -1.5],
      kinks,
    ),
  ],
  pow: [
    ...pairs(ops.pow, (x, y) => x ** y, 0.3, 2),
    ...[-8, -3, -1, 0, 1, 2, 3, 7, 8, 9, 0.5].flatMap((n) =>
      each(
        (x) => ops.pow(x, n),
        (x) => x ** n,
        0.3,
        2,
      ),
    ),
    c([doubles([-2, 0, 3])], (x) => ops.pow(x!, 3), [-8, 0, 27]),
    c([doubles([0, 2])], (x) => ops.pow(x!, 0), [1, 1]),
  ],
  maximum: pairs(ops.maximum, Math.max),
  minimum: pairs(ops.minimum, Math.min),
  clip: each(
    (x) => ops.clip(x, -0.5, 1),
    (x) => Math.min(Math.max(x, -0.5), 1),
  ),
  atan2: [
    ...pairs(ops.atan2, Math.atan2),
    c(
      [doubles([0, 0, 1, -1]), doubles([1, -1, 0, 0])],
      (y, x) => ops.atan2(y!, x!),
      [0, Math.PI, Math.PI / 2, -Math.PI / 2],
      no,
    ),
  ],
  equal: pairs(ops.equal, (x, y) => x === y, -2, 2, false),
  notEqual: pairs(ops.notEqual, (x, y) => x !== y, -2, 2, false),
  less: pairs(ops.less, (x, y) => x < y, -2, 2, false),
  lessEqual: pairs(ops.lessEqual, (x, y) => x <= y, -2, 2, false),
  greater: pairs(ops.greater, (x, y) => x > y, -2, 2, false),
  greaterEqual: pairs(ops.greaterEqual, (x, y) => x >= y, -2, 2, false),
  logicalAnd: [
    c(
      [bools([[true], [false]]), bools([true, false])],
      (x, y) => ops.logicalAnd(x!, y!),
      [
        [true, false],
        [false, false],
      ],
      no,
    ),
  ],
  logicalOr: [
    c(
      [bools([[true], [false]]), bools([true, false])],
      (x, y) => ops.logicalOr(x!, y!),
      [
        [true, true],
        [true, false],
      ],
      no,
    ),
  ],
  logicalNot: [c([bools([true, false])], (x) => ops.logicalNot(x!), [false, true], no)],
  where: [
    c([bools([[true], [false]]), spread([2]), doubles(7)], (k, x, y) => ops.where(k!, x!, y!), [
      list(spread([2])),
      [7, 7],
    ]),
    c([bools([true, false]), spread([2])], (k, x) => ops.where(k!, x!, 0), [
      list(spread([2]))[0]!,
      0,
    ]),
  ],
  cast: [
    c(
      [x23],
      (x) => ops.cast(x!, "int32"),
      build([2, 3], (i, j) => Math.trunc(pick(d23, i, j)) + 0), // int32 has no -0
      no,
    ),
  ],
  stopGradient: [c([x23], (x) => ops.stopGradient(x!), d23, no)],
};
