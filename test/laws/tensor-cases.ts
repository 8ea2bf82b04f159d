// Cases for the functions of src/ops that reduce, multiply, rearrange and pick, by name.

import type { Tensor } from "../../src/ir/tensor.ts";
import * as ops from "../../src/ops/index.ts";
import { type Case, bools, build, composite as c, doubles, ints, pick, spread } from "./cases.ts";

const list = (x: Tensor): number[] => Array.from(x.data());
const x23 = spread([2, 3], -2, 2, 2);
const d23 = x23.toArray();
const row = (i: number): number[] => [0, 1, 2].map((j) => pick(d23, i, j));
const total = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const average = (values: readonly number[]): number => total(values) / values.length;
const spreadOf = (values: readonly number[], correction = 0): number =>
  total(values.map((v) => (v - average(values)) ** 2)) / (values.length - correction);
const no = { differentiate: false };
const kinks = { step: 1e-3 };
const v5 = spread([5], -2, 2, 5);
const numbers5 = list(v5);

/** By the function's name. */
export const tensorCases: Readonly<Record<string, readonly Case[]>> = {
  sum: [
    c([x23], (x) => ops.sum(x!), total(list(x23))),
    c([x23], (x) => ops.sum(x!, -1), [total(row(0)), total(row(1))]),
    c([x23], (x) => ops.sum(x!, [0], true), [
      [0, 1, 2].map((j) => pick(d23, 0, j) + pick(d23, 1, j)),
    ]),
    c([x23], (x) => ops.sum(x!, []), d23),
    c([spread([2, 0])], (x) => ops.sum(x!), 0),
    c([ints([1, 2])], (x) => ops.sum(x!), 3, no),
  ],
  prod: [
    c(
      [x23],
      (x) => ops.prod(x!, 1, true),
      [0, 1].map((i) => [row(i).reduce((a, b) => a * b)]),
      kinks,
    ),
    c([spread([0])], (x) => ops.prod(x!), 1),
  ],
  max: [c([x23], (x) => ops.max(x!, 1), [Math.max(...row(0)), Math.max(...row(1))], kinks)],
  min: [c([x23], (x) => ops.min(x!), Math.min(...list(x23)), kinks)],
  any: [
    c(
      [
        bools([
          [true, false],
          [false, false],
        ]),
      ],
      (x) => ops.any(x!, 1),
      [true, false],
      no,
    ),
    c([bools([])], (x) => ops.any(x!), false, no),
  ],
  all: [
    c(
      [
        bools([
          [true, false],
          [true, true],
        ]),
      ],
      (x) => ops.all(x!, 1),
      [false, true],
      no,
    ),
    c([bools([])], (x) => ops.all(x!), true, no),
  ],
  mean: [
    c([x23], (x) => ops.mean(x!), average(list(x23))),
    c([x23], (x) => ops.mean(x!, 1, true), [[average(row(0))], [average(row(1))]]),
  ],
  variance: [
    c([x23], (x) => ops.variance(x!, 1), [spreadOf(row(0)), spreadOf(row(1))]),
    c([v5], (x) => ops.variance(x!, 0, false, 1), spreadOf(numbers5, 1)),
  ],
  std: [
    c([x23], (x) => ops.std(x!, 1), [Math.sqrt(spreadOf(row(0))), Math.sqrt(spreadOf(row(1)))]),
  ],
  argMax: [
    c(
      [
        doubles([
          [1, 9],
          [3, 4],
        ]),
      ],
      (x) => ops.argMax(x!),
      1,
      no,
    ),
    c(
      [
        doubles([
          [1, 9],
          [3, 4],
        ]),
      ],
      (x) => ops.argMax(x!, 0, true),
      [[1, 0]],
      no,
    ),
  ],
  argMin: [
    c(
      [
        doubles([
          [1, 9],
          [3, 0],
        ]),
      ],
      (x) => ops.argMin(x!),
      3,
      no,
    ),
    c(
      [
        doubles([
          [1, 9],
          [3, 4],
        ]),
      ],
      (x) => ops.argMin(x!, -1),
      [0, 0],
      no,
    ),
  ],
  cumSum: [
    c(
      [
        doubles([
          [1, 2],
          [3, 4],
        ]),
      ],
      (x) => ops.cumSum(x!),
      [
        [1, 2],
        [4, 6],
      ],
    ),
    c([doubles([1, 2, 3])], (x) => ops.cumSum(x!, -1, true), [6, 5, 3]),
  ],
  logSumExp: [
    c([x23], (x) => ops.logSumExp(x!), Math.log(total(list(x23).map(Math.exp)))),
    c(
      [x23],
      (x) => ops.logSumExp(x!, 1, true),
      [0, 1].map((i) => [Math.log(total(row(i).map(Math.exp)))]),
    ),
  ],
  softmax: [
    c(
      [x23],
      (x) => ops.softmax(x!),
      [0, 1].map((i) => row(i).map((x) => Math.exp(x) / total(row(i).map(Math.exp)))),
    ),
  ],
  logSoftmax: [
    c(
      [x23],
      (x) => ops.logSoftmax(x!, 1),
      [0, 1].map((i) => row(i).map((x) => x - Math.log(total(row(i).map(Math.exp))))),
    ),
  ],
  norm: [
    c([v5], (x) => ops.norm(x!), Math.hypot(...numbers5)),
    c([v5], (x) => ops.norm(x!, 0, true, 1), [total(numbers5.map(Math.abs))], kinks),
    c([v5], (x) => ops.norm(x!, 0, false, Infinity), Math.max(...numbers5.map(Math.abs)), kinks),
  ],
  matmul: [
    c(
      [
        doubles([1, 2]),
        doubles([
          [3, 4],
          [5, 6],
        ]),
      ],
      (a, b) => ops.matmul(a!, b!),
      [13, 16],
    ),
    c(
      [
        doubles([
          [3, 4],
          [5, 6],
        ]),
        doubles([1, 2]),
      ],
      (a, b) => ops.matmul(a!, b!),
      [11, 17],
    ),
    c([doubles([1, 2]), doubles([3, 4])], (a, b) => ops.matmul(a!, b!), 11),
    c([doubles([[[1, 2]], [[3, 4]]]), doubles([[1], [2]])], (a, b) => ops.matmul(a!, b!), [
      [[5]],
      [[11]],
    ]),
    c(
      [
        doubles([[1, 2]]),
        doubles([
          [[1], [2]],
          [[3], [4]],
        ]),
      ],
      (a, b) => ops.matmul(a!, b!),
      [[[5]], [[11]]],
    ),
    c([doubles([[[1, 2]], [[3, 4]]]), doubles([1, 2])], (a, b) => ops.matmul(a!, b!), [[5], [11]]),
    c(
      [spread([2, 1, 2, 2]), spread([3, 2, 1])],
      (a, b) => ops.matmul(a!, b!),
      build([2, 3, 2, 1], (i, j, k) =>
        total(
          [0, 1].map(
            (l) =>
              pick(spread([2, 1, 2, 2]).toArray(), i, 0, k, l) *
              pick(spread([3, 2, 1]).toArray(), j, l, 0),
          ),
        ),
      ),
    ),
  ],
  dot: [c([doubles([1, 2]), doubles([3, 4])], (a, b) => ops.dot(a!, b!), 11)],
  outer: [
    c([doubles([1, 2]), doubles([3, 4, 5])], (a, b) => ops.outer(a!, b!), [
      [3, 4, 5],
      [6, 8, 10],
    ]),
  ],
  reshape: [
    c(
      [
        doubles([
          [1, 2, 3],
          [4, 5, 6],
        ]),
      ],
      (x) => ops.reshape(x!, [-1, 2]),
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
    ),
  ],
  transpose: [
    c(
      [
        doubles([
          [1, 2, 3],
          [4, 5, 6],
        ]),
      ],
      (x) => ops.transpose(x!),
      [
        [1, 4],
        [2, 5],
        [3, 6],
      ],
    ),
    c([doubles([[[1, 2]]])], (x) => ops.transpose(x!, [-1, 0, 1]), [[[1]], [[2]]]),
  ],
  swapAxes: [
    c(
      [
        doubles([
          [
            [1, 2],
            [3, 4],
          ],
        ]),
      ],
      (x) => ops.swapAxes(x!, 0, -1),
      [
        [[1], [3]],
        [[2], [4]],
      ],
    ),
  ],
  squeeze: [
    c([doubles([[[1], [2]]])], (x) => ops.squeeze(x!), [1, 2]),
    c([doubles([[[1], [2]]])], (x) => ops.squeeze(x!, 0), [[1], [2]]),
  ],
  expandDims: [
    c([doubles([1, 2])], (x) => ops.expandDims(x!), [[1, 2]]),
    c([doubles([1, 2])], (x) => ops.expandDims(x!, [0, -1]), [[[1], [2]]]),
  ],
  flatten: [
    c(
      [
        doubles([
          [1, 2],
          [3, 4],
        ]),
      ],
      (x) => ops.flatten(x!),
      [1, 2, 3, 4],
    ),
  ],
  broadcastTo: [
    c([doubles([[1], [2]])], (x) => ops.broadcastTo(x!, [2, 2, 2]), [
      [
        [1, 1],
        [2, 2],
      ],
      [
        [1, 1],
        [2, 2],
      ],
    ]),
  ],
  slice: [
    c([v5], (x) => ops.slice(x!, 1, -1), numbers5.slice(1, -1)),
    c([v5], (x) => ops.slice(x!, undefined, undefined, -2), [
      numbers5[4]!,
      numbers5[2]!,
      numbers5[0]!,
    ]),
    c([x23], (x) => ops.slice(x!, [undefined, -2]), [row(0).slice(1), row(1).slice(1)]),
    c([v5], (x) => ops.slice(x!, 4, 1), []),
  ],
  at: [
    c([x23], (x) => ops.at(x!, -1), row(1)),
    c([x23], (x) => ops.at(x!, 1, 1), [row(0)[1]!, row(1)[1]!]),
  ],
  flip: [
    c([x23], (x) => ops.flip(x!), [row(1).toReversed(), row(0).toReversed()]),
    c([x23], (x) => ops.flip(x!, 0), [row(1), row(0)]),
  ],
  pad: [
    c([doubles([1, 2])], (x) => ops.pad(x!, 1), [0, 1, 2, 0]),
    c(
      [doubles([[1, 2]])],
      (x) =>
        ops.pad(
          x!,
          [
            [0, 1],
            [1, 0, 1],
          ],
          9,
        ),
      [
        [9, 1, 9, 2],
        [9, 9, 9, 9],
      ],
    ),
  ],
  concat: [c([doubles([[1]]), doubles([[2]])], (x, y) => ops.concat([x!, y!], -1), [[1, 2]])],
  stack: [
    c([doubles([1, 2]), doubles([3, 4])], (x, y) => ops.stack([x!, y!]), [
      [1, 2],
      [3, 4],
    ]),
    c([doubles([1, 2]), doubles([3, 4])], (x, y) => ops.stack([x!, y!], -1), [
      [1, 3],
      [2, 4],
    ]),
  ],
  split: [
    c(
      [doubles([1, 2, 3, 4])],
      (x) => ops.split(x!, 2),
      [
        [1, 2],
        [3, 4],
      ],
      { many: true },
    ),
    c([doubles([[1, 2, 3]])], (x) => ops.split(x!, [1, 2], 1), [[[1]], [[2, 3]]], { many: true }),
  ],
  tile: [
    c([doubles([[1, 2]])], (x) => ops.tile(x!, [2, 2]), [
      [1, 2, 1, 2],
      [1, 2, 1, 2],
    ]),
    c([doubles([[1], [2]])], (x) => ops.tile(x!, 2), [
      [1, 1],
      [2, 2],
    ]),
  ],
  repeat: [c([doubles([[1, 2]])], (x) => ops.repeat(x!, 2, 1), [[1, 1, 2, 2]])],
  take: [
    c([doubles([1, 2, 3])], (x) => ops.take(x!, [-1, 0]), [3, 1]),
    c([x23, ints([1, 1])], (x, i) => ops.take(x!, i!, -1), [
      [row(0)[1]!, row(0)[1]!],
      [row(1)[1]!, row(1)[1]!],
    ]),
  ],
  gather: [c([doubles([1, 2, 3])], (x) => ops.gather(x!, 2), 3)],
  takeAlongAxis: [
    c(
      [
        doubles([
          [1, 2, 3],
          [4, 5, 6],
        ]),
        ints([
          [2, 0],
          [1, 9],
        ]),
      ],
      (x, i) => ops.takeAlongAxis(x!, i!),
      [
        [3, 1],
        [5, 6],
      ],
    ),
    c(
      [
        doubles([
          [1, 2, 3],
          [4, 5, 6],
        ]),
        ints([[1, 0, 1]]),
      ],
      (x, i) => ops.takeAlongAxis(x!, i!, 0),
      [[4, 2, 6]],
    ),
  ],
  oneHot: [
    c(
      [ints([1, 0, 5])],
      (i) => ops.oneHot(i!, 3),
      [
        [0, 1, 0],
        [1, 0, 0],
        [0, 0, 0],
      ],
      no,
    ),
  ],
  scatterAdd: [c([doubles([1, 2, 3])], (x) => ops.scatterAdd(x!, [0, 0, -1], 3), [3, 0, 3])],
};
