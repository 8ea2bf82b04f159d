// Random numbers: the published vectors of Threefry, reproducible bits, moments, and independence of keys.

import { describe, expect, test } from "vitest";
import {
  ArgumentError,
  DTypeError,
  ShapeError,
  type Tensor,
  jit,
  random,
  tensor,
} from "../../src/index.ts";

/** Threefry-2x32 with 20 rounds, written from the paper: what the primitive is held against. */
function threefry(
  key: readonly [number, number],
  counter: readonly [number, number],
): [number, number] {
  const rotations = [13, 15, 26, 6, 17, 29, 16, 24];
  const keys = [key[0], key[1], key[0] ^ key[1] ^ 0x1bd11bda];
  let [x, y] = [(counter[0] + keys[0]!) | 0, (counter[1] + keys[1]!) | 0];
  for (let round = 0; round < 20; round++) {
    x = (x + y) | 0;
    const r = rotations[round % 8]!;
    y = ((y << r) | (y >>> (32 - r))) ^ x;
    if (round % 4 === 3) {
      const injection = (round + 1) / 4;
      x = (x + keys[injection % 3]!) | 0;
      y = (y + keys[(injection + 1) % 3]! + injection) | 0;
    }
  }
  return [x >>> 0, y >>> 0];
}

const words = (t: Tensor): number[] => Array.from(t.data(), (word) => word >>> 0);

describe("bits", () => {
  test("the reference reproduces the known answers of the Random123 distribution", () => {
    expect(threefry([0, 0], [0, 0])).toEqual([0x6b200159, 0x99ba4efe]);
    expect(threefry([-1, -1], [-1, -1])).toEqual([0x1cb996fc, 0xbb002be7]);
    expect(threefry([0x13198a2e, 0x03707344], [0x243f6a88, 0x85a308d3])).toEqual([
      0xc4923a9c, 0x483df7a0,
    ]);
  });

  test.each([0, 1, 12345, 2 ** 32 + 7, 2 ** 53 - 1])(
    "of seed %d are the reference's, pair by pair",
    (seed) => {
      const key = random.key(seed);
      const [high, low] = Array.from(key.data()) as [number, number];
      expect([high >>> 0, low >>> 0]).toEqual([Math.floor(seed / 2 ** 32), seed % 2 ** 32]);
      const expected = Array.from({ length: 50 }, (_, j) => threefry([high, low], [j, 0])).flat();
      expect(words(random.bits(key, [100]))).toEqual(expected);
      expect(words(random.bits(key, [9, 11]))).toEqual(expected.slice(0, 99));
      expect(words(random.bits(key, []))).toEqual(expected.slice(0, 1));
      expect(words(random.bits(key, [0]))).toEqual([]);
    },
  );

  test("split gives the rows of the bits; foldIn differs from them and between integers", () => {
    const key = random.key(3);
    const keys = random.split(key, 4);
    expect(keys.flatMap(words)).toEqual(words(random.bits(key, [4, 2])));
    const folded = [0, 1, 2, -1].map((i) => words(random.foldIn(key, i)).join());
    expect(new Set([...folded, ...keys.map((k) => words(k).join())]).size).toBe(8);
    expect(
      words(
        jit((k: Tensor, i: Tensor) => random.foldIn(k, i))(key, tensor(2, { dtype: "int32" })),
      ).join(),
    ).toBe(folded[2]);
  });
});

const n = 40_000;
function moments(x: Tensor): {
  mean: number;
  variance: number;
  skewness: number;
  kurtosis: number;
} {
  const data = Float64Array.from(x.data());
  const moment = (about: number, power: number): number =>
    data.reduce((sum, v) => sum + (v - about) ** power, 0) / data.length;
  const mean = moment(0, 1);
  const variance = moment(mean, 2);
  return {
    mean,
    variance,
    skewness: moment(mean, 3) / variance ** 1.5,
    kurtosis: moment(mean, 4) / variance ** 2,
  };
}
/** Within five standard errors. */
const near = (value: number, expected: number, error: number): void =>
  expect(Math.abs(value - expected)).toBeLessThan(5 * error);

describe.each(["float32", "float64"] as const)("distributions in %s", (dtype) => {
  const key = random.key(2024);

  test("uniform", () => {
    const u = random.uniform(key, [n], { dtype });
    expect(u.dtype).toBe(dtype);
    const { mean, variance } = moments(u);
    near(mean, 0.5, Math.sqrt(1 / 12 / n));
    near(variance, 1 / 12, Math.sqrt(1 / 180 / n));
    const counts = new Array<number>(20).fill(0);
    for (const v of u.data()) {
      expect(v >= 0 && v < 1).toBe(true);
      counts[Math.floor(v * 20)]!++;
    }
    // Chi squared with 19 degrees of freedom: above 50 with probability 1e-4.
    expect(counts.reduce((sum, c) => sum + (c - n / 20) ** 2 / (n / 20), 0)).toBeLessThan(50);
    const scaled = random.uniform(key, [1000], { dtype, min: -3, max: 5 }).data();
    expect(scaled.every((v) => v >= -3 && v <= 5)).toBe(true);
  });

  test("uniform numbers are the bits' high ends", () => {
    const bits = words(random.bits(key, dtype === "float32" ? [8] : [16]));
    const expected =
      dtype === "float32"
        ? bits.map((b) => (b >>> 8) / 2 ** 24)
        : Array.from(
            { length: 8 },
            (_, i) => ((bits[2 * i]! >>> 5) * 2 ** 26 + (bits[2 * i + 1]! >>> 6)) / 2 ** 53,
          );
    expect(Array.from(random.uniform(key, [8], { dtype }).data())).toEqual(expected);
  });

  test("normal", () => {
    const { mean, variance, skewness, kurtosis } = moments(random.normal(key, [n], { dtype }));
    near(mean, 0, Math.sqrt(1 / n));
    near(variance, 1, Math.sqrt(2 / n));
    near(skewness, 0, Math.sqrt(6 / n));
    near(kurtosis, 3, Math.sqrt(24 / n));
    const odd = random.normal(key, [3, 3], { dtype });
    expect(odd.shape).toEqual([3, 3]);
    expect(Array.from(odd.data())).toEqual(Array.from(random.normal(key, [9], { dtype }).data()));
    const shifted = moments(random.normal(key, [n], { dtype, mean: 5, std: 2 }));
    near(shifted.mean, 5, 2 / Math.sqrt(n));
    near(shifted.variance, 4, 4 * Math.sqrt(2 / n));
  });

  test("truncated normal", () => {
    const x = random.truncatedNormal(key, [n], { dtype });
    const { mean, variance } = moments(x);
    near(mean, 0, Math.sqrt(0.774 / n));
    // Variance of the standard normal limited to [-2, 2]: 1 - 4 phi(2) / (2 Phi(2) - 1).
    near(variance, 0.7737413035499232, Math.sqrt(1 / n));
    expect(x.data().every((v) => v >= -2 && v <= 2)).toBe(true);
    expect(
      random
        .truncatedNormal(key, [500], { dtype, lower: 1, upper: 3, mean: 10, std: 0.5 })
        .data()
        .every((v) => v >= 10.5 && v <= 11.5),
    ).toBe(true);
  });

  test("sibling keys are uncorrelated, and with their parent", () => {
    const [a, b] = random.split(key) as [Tensor, Tensor];
    const rows = [a, b, key, random.foldIn(key, 1)].map((k) =>
      Float64Array.from(random.normal(k, [n], { dtype }).data()),
    );
    for (let i = 0; i < rows.length; i++)
      for (let j = 0; j < i; j++)
        near(rows[i]!.reduce((sum, v, k) => sum + v * rows[j]![k]!, 0) / n, 0, 1 / Math.sqrt(n));
  });

  test("the same inside jit, bit for bit", () => {
    const draw = (k: Tensor): Tensor[] => [
      random.normal(k, [33], { dtype }),
      random.uniform(k, [5, 2], { dtype }),
      random.truncatedNormal(k, [7], { dtype }),
    ];
    const outside = draw(key);
    jit(draw)(key).forEach((x, i) => expect(x.data()).toEqual(outside[i]!.data()));
  });
});

describe("integers and orders", () => {
  const key = random.key(11);

  test("bernoulli", () => {
    const hits = random.bernoulli(key, [n], { p: 0.3 });
    expect(hits.dtype).toBe("bool");
    near(Array.from(hits.data()).filter(Boolean).length / n, 0.3, Math.sqrt(0.21 / n));
    expect(random.bernoulli(key, [3], { p: tensor([0, 1, 0]) }).toArray()).toEqual([
      false,
      true,
      false,
    ]);
  });

  test("randint covers its range evenly", () => {
    const counts = new Map<number, number>();
    for (const v of random.randint(key, [n], { min: -3, max: 4 }).data())
      counts.set(v, (counts.get(v) ?? 0) + 1);
    expect([...counts.keys()].sort((a, b) => a - b)).toEqual([-3, -2, -1, 0, 1, 2, 3]);
    for (const count of counts.values()) near(count / n, 1 / 7, Math.sqrt(6 / 49 / n));
    const wide = random.randint(key, [1000], { min: -(2 ** 31), max: 2 ** 31 }).data();
    expect(wide.some((v) => v < -(2 ** 30)) && wide.some((v) => v > 2 ** 30)).toBe(true);
  });

  test("permutation: each number once, the same when traced, all orders alike", () => {
    const order = random.permutation(key, 50);
    expect(Array.from(order.data()).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 50 }, (_, i) => i),
    );
    expect(jit((k: Tensor) => random.permutation(k, 50))(key).data()).toEqual(order.data());
    const counts = new Map<string, number>();
    for (const k of random.split(key, 1200)) {
      const name = random.permutation(k, 3).data().join();
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) near(count, 200, Math.sqrt(1200 * (5 / 36)));
    expect(random.permutation(key, 0).shape).toEqual([0]);
    expect(new Set(random.choice(key, 20, 7).data()).size).toBe(7);
  });
});

test("wrong use is a typed error", () => {
  const key = random.key(0);
  for (const seed of [-1, 0.5, 2 ** 53, NaN]) expect(() => random.key(seed)).toThrow(ArgumentError);
  expect(() => random.uniform(tensor([0, 1]), [2])).toThrow(DTypeError);
  expect(() => random.uniform(tensor([1, 2, 3], { dtype: "int32" }), [2])).toThrow(ShapeError);
  expect(() => random.normal(key, [2], { dtype: "int32" })).toThrow(/randint/);
  expect(() => random.normal(key, [-1])).toThrow(ShapeError);
  expect(() => random.uniform(key, [1], { min: 2, max: 1 })).toThrow(ArgumentError);
  expect(() => random.truncatedNormal(key, [1], { lower: 1, upper: 1 })).toThrow(ArgumentError);
  expect(() => random.bernoulli(key, [1], { p: 1.5 })).toThrow(ArgumentError);
  expect(() => random.randint(key, [1], { min: 3, max: 3 })).toThrow(ArgumentError);
  expect(() => random.choice(key, 3, 4)).toThrow(ArgumentError);
});
