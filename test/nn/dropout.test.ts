// Dropout: how much it drops, that it keeps the mean, and that the same key drops the same.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ArgumentError,
  ShapeError,
  type Tensor,
  checkGrad,
  jit,
  ones,
  random,
  tensor,
} from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";

const key = random.key(7);
const same = (a: Tensor, b: Tensor): boolean => String(a.data()) === String(b.data());

test("inference and a rate of 0 pass x on", () => {
  const x = random.normal(key, [3, 4]);
  expect(nn.dropout({ rate: 0.5 }).forward(x)).toBe(x);
  expect(nn.dropout({ rate: 0.5 }).forward(x, nn.inference)).toBe(x);
  expect(nn.dropout({ rate: 0 }).forward(x, nn.training())).toBe(x);
});

test("drops the rate of elements, and divides the others by what is left", () => {
  fc.assert(
    fc.property(fc.double({ min: 0.05, max: 0.95, noNaN: true }), fc.nat(1e6), (rate, seed) => {
      const n = 40_000;
      const y = nn
        .dropout({ rate })
        .forward(ones([200, n / 200]), nn.training(random.key(seed)))
        .data();
      const kept = y.filter((value) => value !== 0);
      const scaled = Math.fround(1 / (1 - rate));
      expect(kept.every((value) => Math.abs(value - scaled) <= 1e-6 * scaled)).toBe(true);
      // Five standard deviations of a binomial distribution.
      const bound = 5 * Math.sqrt(n * rate * (1 - rate));
      expect(Math.abs(kept.length - n * (1 - rate))).toBeLessThan(bound);
    }),
    { numRuns: 20, seed: 1 },
  );
});

test("a rate of 1 leaves nothing", () => {
  const y = nn.dropout({ rate: 1 }).forward(ones([5, 5]), nn.training(key));
  expect([...y.data()].every((value) => value === 0)).toBe(true);
});

test("the same key and seed drop the same, inside jit too; others drop otherwise", () => {
  const x = ones([16, 16]);
  const drop = (seed?: number, from = key): Tensor =>
    nn.dropout({ rate: 0.5, ...(seed !== undefined && { seed }) }).forward(x, nn.training(from));
  expect(same(drop(), drop())).toBe(true);
  expect(same(drop(3), drop(3))).toBe(true);
  const others = [drop(), drop(3), drop(4), drop(undefined, random.key(8))];
  expect(new Set(others.map((y) => String(y.data()))).size).toBe(4);
  const inside = jit((k: Tensor) => nn.dropout({ rate: 0.5 }).forward(x, nn.training(k)))(key);
  expect(same(inside, drop())).toBe(true);
});

test("every dropout of a model drops otherwise", () => {
  const masks: Tensor[] = [];
  const keep = (x: Tensor): Tensor => {
    masks.push(x);
    return ones(x.shape);
  };
  const drop = nn.dropout({ rate: 0.5 });
  const net = nn.sequential([drop, keep, nn.sequential([drop, keep]), drop, keep], {
    inputShape: [64],
  });
  masks.length = 0;
  net.forward(ones([2, 64]), nn.training(key));
  expect(new Set(masks.map((mask) => String(mask.data()))).size).toBe(3);
});

test("a noise shape drops whole axes", () => {
  const y = nn
    .dropout({ rate: 0.5, noiseShape: [null, 1, 1, null] })
    .forward(ones([4, 3, 5, 8]), nn.training(key));
  const channels = y.reshape([4, 15, 8]);
  const first = channels.at(0, 1).data();
  for (let row = 1; row < 15; row++) expect([...channels.at(row, 1).data()]).toEqual([...first]);
  expect(new Set(first)).toEqual(new Set([0, 2]));
});

test("the gradient goes through what is kept", () => {
  const x = random.normal(key, [5, 6], { dtype: "float64" });
  checkGrad(
    (y: Tensor) => nn.dropout({ rate: 0.4 }).forward(y, nn.training(key)).mul(y).sum(),
    [x],
  );
});

describe("wrong use is named", () => {
  const wrong: readonly (readonly [() => unknown, new (...args: never[]) => Error, RegExp])[] = [
    [() => nn.dropout({} as never), ArgumentError, /rate.*0 to 1.*undefined/],
    [() => nn.dropout({ rate: 1.5 }), ArgumentError, /rate.*1\.5/],
    [() => nn.dropout({ rate: 0.5, noiseShape: [0.5] }), ArgumentError, /noiseShape/],
    [
      () => nn.dropout({ rate: 0.5, name: "drop" }).forward(tensor([[1]]), nn.training()),
      ArgumentError,
      /dropout "drop".*key.*nn\.training\(key\)/,
    ],
    [
      () =>
        nn
          .dropout({ rate: 0.5, noiseShape: [null, 2] })
          .forward(tensor([[1, 2, 3]]), nn.training(key)),
      ShapeError,
      /noiseShape.*\[1, 3\].*\[1, 2\]/,
    ],
  ];
  for (const [index, [run, type, message]] of wrong.entries())
    test(`${index}: ${message.source}`, () => {
      expect(run).toThrow(type);
      expect(run).toThrow(message);
    });
});
