/** @file Metrics of maps: closed forms, pytorch-grad-cam's numbers for ROAD, drop and increase, and what bad use gets. */
import * as nn from "../../src/nn/index.ts";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Tensor, tensor } from "../../src/index.ts";
import { ExplainError, type Subject, judge, metrics } from "../../src/explain/index.ts";
import { blurred } from "../../src/explain/judge/metrics.ts";
import { impute } from "../../src/explain/judge/impute.ts";
import { ArgumentError, ShapeError } from "../../src/base/errors.ts";
import { drawn } from "../support/keras-golden.ts";

interface Golden {
  readonly rows: number;
  readonly columns: number;
  readonly cases: readonly {
    readonly seed: number;
    readonly classIndex: number;
    readonly probability: number;
    readonly imputed: readonly number[];
    readonly road: number;
    readonly morf: number;
    readonly lerf: number;
    readonly drop: number;
    readonly increase: number;
  }[];
}
const golden = JSON.parse(
  readFileSync(new URL("../golden/judge.json", import.meta.url), "utf8"),
) as Golden;
const { rows, columns } = golden;

const draw = (shape: readonly number[], seed: number, scale = 1): Tensor =>
  drawn({ shape, seed, scale }, "float32");

/** The network of make-judge.py. */
const goldenNetwork = (() => {
  const conv = nn.conv2d({
    filters: 6,
    kernelSize: 3,
    padding: "same",
    useBias: false,
    activation: "relu",
    inputShape: [rows, columns, 3],
  });
  const dense = nn.dense({ units: 4, useBias: false, inputShape: [6] });
  conv.kernel = draw([3, 3, 3, 6], 1);
  dense.kernel = draw([6, 4], 2, 4);
  return nn.sequential([conv, nn.globalAveragePool2d(), dense]);
})();

const goldenSubject = ({ seed, classIndex }: { seed: number; classIndex: number }): Subject => ({
  image: draw([rows, columns, 3], seed),
  map: { values: draw([rows, columns], 100 + seed).data(), shape: [rows, columns] },
  classIndex,
});

/** One output: a weighted mean of the pixels. */
class Weighted extends nn.Module {
  readonly weights: Tensor;
  constructor(weights: Tensor) {
    super();
    this.weights = weights;
  }
  forward(x: Tensor): Tensor {
    return x.mul(this.weights).sum([1, 2, 3]).reshape([x.shape[0]!, 1]);
  }
}

/** Another output of the golden network. */
class Ending extends nn.Module {
  readonly network = goldenNetwork;
  readonly end: (y: Tensor) => Tensor;
  constructor(end: (y: Tensor) => Tensor) {
    super();
    this.end = end;
  }
  forward(x: Tensor): Tensor {
    return this.end(this.network.forward(x));
  }
}

describe("ROAD, drop and increase are pytorch-grad-cam's", () => {
  test("imputed pixels", () => {
    for (const { seed, imputed } of golden.cases) {
      const pixels = draw([rows, columns, 3], seed).data() as Float32Array;
      const map = draw([rows, columns], 100 + seed).data();
      const missing = Int32Array.from(map.keys()).filter((place) => map[place]! >= 0);
      const filled = impute({ rows, columns, channels: 3, pixels }, missing);
      imputed.forEach((value, i) => expect(Math.abs(filled[7 * i]! - value)).toBeLessThan(2e-6));
    }
  });

  test("a picture without a pixel left stays as it is", () => {
    for (const [high, wide] of [
      [1, 1],
      [2, 3],
    ] as const) {
      const pixels = draw([high, wide, 2], 1).data() as Float32Array;
      const all = Int32Array.from({ length: high * wide }, (_, place) => place);
      expect(impute({ rows: high, columns: wide, channels: 2, pixels }, all)).toEqual(pixels);
    }
  });

  test("scores", async () => {
    const names = ["road", "averageDrop", "averageIncrease"];
    const subjects = golden.cases.map(goldenSubject);
    const verdicts = await judge(goldenNetwork, subjects, { metrics: names, noise: 0 });
    golden.cases.forEach((one, i) => {
      const curve = verdicts["road"]!.curves[i]!;
      const mean = (part: Float64Array): number => part.reduce((a, b) => a + b) / 9;
      expect(mean(curve.subarray(0, 9)) - one.probability).toBeCloseTo(one.morf, 5);
      expect(mean(curve.subarray(9)) - one.probability).toBeCloseTo(one.lerf, 5);
      expect(verdicts["road"]!.values[i]).toBeCloseTo(one.road, 5);
      // Theirs is the difference, the paper's its share of the probability.
      expect(verdicts["averageDrop"]!.values[i]! * one.probability).toBeCloseTo(one.drop, 5);
      expect(verdicts["averageIncrease"]!.values[i]).toBe(one.increase);
    });
  });

  test("noise is 1 % of the picture's range, the same for a seed", async () => {
    const [subject] = golden.cases.map(goldenSubject);
    const run = async (seed: number, noise: number): Promise<number[]> => [
      ...(await judge(goldenNetwork, [subject!], { metrics: ["road"], seed, noise }))["road"]!
        .curves[0]!,
    ];
    expect(await run(1, 0.01)).toEqual(await run(1, 0.01));
    expect(await run(1, 0.01)).not.toEqual(await run(2, 0.01));
    expect(await run(1, 0)).toEqual(await run(2, 0));
  });
});

describe("closed forms", () => {
  const size = 8;
  // A quarter of the picture carries the class: the upper left one.
  const weight = Array.from({ length: size * size }, (_, at) =>
    at % size < size / 2 && at < (size * size) / 2 ? 4 / (size * size) : 0,
  );
  const weights = tensor(weight, { shape: [1, size, size, 1] });
  const network = new Weighted(weights);
  const image = tensor(
    Array.from({ length: size * size }, () => 1),
    { shape: [size, size, 1] },
  );
  const best = { values: weight, shape: [size, size] };
  const worst = { values: weight.map((value) => -value), shape: [size, size] };
  const subject = (map: Subject["map"]): Subject => ({ image, map, classIndex: 0 });

  test("deletion: straight down over the quarter that matters; insertion the other way", async () => {
    const settings = { baseline: [0], steps: 64 };
    const [good, bad] = (
      await judge(network, [subject(best), subject(worst)], { ...settings, metrics: ["deletion"] })
    )["deletion"]!.values;
    expect(good).toBeCloseTo(1 / 8, 6);
    expect(bad).toBeCloseTo(7 / 8, 6);
    const { curves } = (
      await judge(network, [subject(best)], { ...settings, metrics: ["deletion"] })
    )["deletion"]!;
    expect([...curves[0]!].slice(0, 20)).toEqual(
      Array.from({ length: 20 }, (_, i) => expect.closeTo(Math.max(0, 1 - i / 16), 6)),
    );
    // Against the picture's own mean nothing is ever deleted.
    const same = await judge(network, [subject(best)], {
      metrics: ["deletion", "insertion"],
    });
    expect(same["deletion"]!.mean).toBeCloseTo(1, 6);
    expect(same["insertion"]!.mean).toBeCloseTo(1, 6);
  });

  test("insertion into a picture whose blur is another one", async () => {
    // Nothing but the left half is bright, and the network weighs the left edge's columns.
    const half = tensor(
      Array.from({ length: 64 }, (_, at) => (at % 8 < 4 ? 1 : 0)),
      { shape: [8, 8, 1] },
    );
    const edge = tensor(
      Array.from({ length: 64 }, (_, at) => (at % 8 === 3 ? 1 / 8 : 0)),
      { shape: [1, 8, 8, 1] },
    );
    const model = new Weighted(edge);
    const map = {
      values: Array.from({ length: 64 }, (_, at) => (at % 8 === 3 ? 1 : 0)),
      shape: [8, 8],
    };
    const { values, curves } = (
      await judge(model, [{ image: half, map, classIndex: 0 }], {
        metrics: ["insertion"],
        blur: 1,
        steps: 64,
      })
    )["insertion"]!;
    // The blur of a step, half a pixel inside it: the Gaussian's part from minus infinity to 0.
    const weights = [0, 1, 2, 3].map((d) => Math.exp((-d * d) / 2));
    const total = weights[0]! + 2 * (weights[1]! + weights[2]! + weights[3]!);
    const start = (weights[0]! + weights[1]! + weights[2]! + weights[3]!) / total;
    expect(curves[0]![0]).toBeCloseTo(start, 6);
    expect(curves[0]![8]).toBeCloseTo(1, 6);
    expect(values[0]).toBeCloseTo(1 - ((1 - start) * 4) / 64, 6);
  });

  test("what the relevant part alone is worth", async () => {
    const two = await judge(network, [subject(best), subject(worst)], {
      metrics: ["averageDrop", "averageIncrease"],
    });
    expect(two["averageDrop"]!.values).toEqual([0, 1]);
    expect(two["averageIncrease"]!.values).toEqual([0, 0]);
    expect(two["averageDrop"]!.mean).toBe(0.5);
  });

  test("ROAD on a picture that imputation restores says 0", async () => {
    const { mean } = (await judge(network, [subject(best)], { metrics: ["road"], noise: 0 }))[
      "road"
    ]!;
    expect(mean).toBeCloseTo(0, 7);
  });
});

describe("the pointing game", () => {
  const mask = tensor(
    Array.from({ length: 100 }, (_, at) => at === 44),
    { shape: [10, 10] },
  );
  const at = (row: number, column: number): Subject => ({
    image: tensor(new Float32Array(300), { shape: [10, 10, 3] }),
    map: {
      values: Array.from({ length: 100 }, (_, place) => (place === 10 * row + column ? 1 : 0)),
      shape: [10, 10],
    },
    classIndex: 0,
    mask,
  });
  const network = new Weighted(tensor(1));
  const hits = async (subjects: Subject[], tolerance?: number): Promise<readonly number[]> =>
    (
      await judge(network, subjects, {
        metrics: ["pointingGame"],
        ...(tolerance !== undefined && { tolerance }),
      })
    )["pointingGame"]!.values;

  test("hits within a distance of the object", async () => {
    const subjects = [at(4, 4), at(4, 6), at(6, 6), at(0, 0)];
    expect(await hits(subjects, 0)).toEqual([1, 0, 0, 0]);
    expect(await hits(subjects, 2)).toEqual([1, 1, 0, 0]);
    expect(await hits(subjects, 2.9)).toEqual([1, 1, 1, 0]);
    // 3 % of 10 pixels are less than one.
    expect(await hits([at(4, 5)])).toEqual([0]);
  });

  test("a flat map points anywhere, by the seed", async () => {
    const flat: Subject = { ...at(0, 0), map: { values: [1], shape: [1, 1] } };
    let sum = 0;
    for (let seed = 0; seed < 200; seed++)
      sum += (await judge(network, [flat], { metrics: ["pointingGame"], seed, tolerance: 2.9 }))[
        "pointingGame"
      ]!.mean;
    // 25 of 100 pixels are near enough.
    expect(Math.abs(sum / 200 - 0.25)).toBeLessThan(4 * Math.sqrt((0.25 * 0.75) / 200));
  });
});

test("a blur keeps constants, and spreads a point symmetrically", () => {
  const flat = { rows: 5, columns: 7, channels: 2, pixels: new Float32Array(70).fill(3) };
  const as = (pixels: Float32Array): Float32Array => blurred({ ...flat, pixels } as never, 1.3);
  as(flat.pixels).forEach((value) => expect(value).toBeCloseTo(3, 5));
  const point = new Float32Array(70);
  point[(2 * 7 + 3) * 2] = 1;
  const spread = as(point);
  for (let c = 1; c < 70; c += 2) expect(spread[c]).toBe(0);
  expect(spread[(2 * 7 + 2) * 2]).toBeCloseTo(spread[(2 * 7 + 4) * 2]!, 7);
  expect(spread[(1 * 7 + 3) * 2]).toBeCloseTo(spread[(3 * 7 + 3) * 2]!, 7);
  expect(spread[(2 * 7 + 2) * 2]! / spread[(2 * 7 + 3) * 2]!).toBeCloseTo(Math.exp(-0.5 / 1.69), 2);
});

describe("in use", () => {
  const subjects = golden.cases.map(goldenSubject);

  test("batches of any size give the same numbers, and progress counts every picture", async () => {
    const seen: [number, number][] = [];
    const one = await judge(goldenNetwork, subjects, { steps: 5 });
    const other = await judge(goldenNetwork, subjects, {
      steps: 5,
      batchSize: 7,
      onProgress: (done, all) => seen.push([done, all]),
    });
    expect(Object.keys(one)).toEqual(
      Object.keys(metrics).filter((name) => !metrics[name]!.needsMask),
    );
    for (const name of Object.keys(one))
      one[name]!.values.forEach((value, i) => expect(other[name]!.values[i]).toBeCloseTo(value, 6));
    // Originals, two curves of 6 pictures, 18 of ROAD, one each for drop and increase.
    expect(seen.at(-1)).toEqual([6 * (1 + 12 + 18 + 2), 6 * 33]);
    expect(seen.length).toBe(Math.ceil((6 * 33) / 7));
  });

  test("a signal ends the work", async () => {
    const controller = new AbortController();
    const work = judge(goldenNetwork, subjects, {
      batchSize: 4,
      signal: controller.signal,
      onProgress: () => controller.abort(new Error("enough")),
    });
    await expect(work).rejects.toThrow("enough");
  });

  const [subject] = subjects as [Subject];
  test.each<[string, Partial<Subject>, object, new (...a: never[]) => Error, RegExp]>([
    [
      "an unknown metric",
      {},
      { metrics: ["deletoin"] },
      ArgumentError,
      /pointingGame.*Did you mean deletion/,
    ],
    [
      "a metric without its mask",
      {},
      { metrics: ["pointingGame"] },
      ArgumentError,
      /a mask for every subject/,
    ],
    ["a class too many", { classIndex: 4 }, {}, ArgumentError, /one of 4 classes, got 4/],
    ["a negative class", { classIndex: -1 }, {}, ArgumentError, /classIndex/],
    [
      "a map with a hole",
      { map: { values: [0, NaN], shape: [1, 2] } },
      {},
      ArgumentError,
      /NaN in row 0, column 1/,
    ],
    [
      "a map of another shape",
      { map: { values: [0, 1], shape: [2, 2] } },
      {},
      ArgumentError,
      /got 2 values, shape \[2,2\]/,
    ],
    [
      "a mask of another shape",
      { mask: tensor([[true]]) },
      {},
      ShapeError,
      /mask: expected \[16, 20\]/,
    ],
    ["several pictures", { image: draw([2, 16, 20, 3], 1) }, {}, ShapeError, /one picture/],
    [
      "another dtype",
      { image: tensor([[[1]]], { dtype: "float64" }) },
      {},
      ArgumentError,
      /float32/,
    ],
    ["batches of nothing", {}, { batchSize: 0 }, ArgumentError, /batchSize/],
    ["an unknown option", {}, { metric: "road" }, ArgumentError, /Did you mean metrics/],
    ["a metric of all objects", {}, { metrics: ["toString"] }, ArgumentError, /pointingGame/],
    ["no step", {}, { steps: 0 }, ArgumentError, /steps: expected a positive integer, got 0/],
    ["more steps than pixels", {}, { steps: 1e9 }, ArgumentError, /steps: expected at most 320/],
    ["no blur", {}, { blur: 0 }, ArgumentError, /blur: .* above 0, got 0/],
    ["negative noise", {}, { noise: -1 }, ArgumentError, /noise/],
    ["a tolerance of NaN", {}, { tolerance: NaN }, ArgumentError, /tolerance.*got NaN/],
    ["a colour of another picture", {}, { baseline: [0] }, ArgumentError, /each of 3 channels/],
  ])("%s is refused", async (_, change, options, error, message) => {
    const work = (): Promise<unknown> => judge(goldenNetwork, [{ ...subject, ...change }], options);
    await expect(work()).rejects.toThrow(error);
    await expect(work()).rejects.toThrow(message);
  });

  test("networks that take pictures of any size, after one of another size", async () => {
    class Mean extends nn.Module {
      forward(x: Tensor): Tensor {
        return x.mean([1, 2]);
      }
    }
    const network = new Mean();
    for (const shape of [
      [6, 9, 3],
      [7, 5, 3],
    ] as const) {
      const image = draw(shape, 1);
      const map = { values: draw(shape.slice(0, 2), 2).data(), shape: shape.slice(0, 2) };
      const one = { image, map, classIndex: 1 };
      const metricsOf = { metrics: ["deletion"], steps: 2 };
      const { curves } = (await judge(network, [one], metricsOf))["deletion"]!;
      const scores = image.mean([0, 1]).softmax(-1).data();
      expect(curves[0]![0]).toBeCloseTo(scores[1]!, 6);
    }
  });

  test("pictures of different sizes are refused, and so is anything but a network", async () => {
    const other: Subject = { ...subject, image: draw([8, 8, 3], 1) };
    await expect(judge(goldenNetwork, [subject, other])).rejects.toThrow(ShapeError);
    await expect(judge({} as never, [subject])).rejects.toThrow(/judge/);
    await expect(judge(goldenNetwork, [])).rejects.toThrow(/at least one/);
    const ends = (end: (y: Tensor) => Tensor): Promise<unknown> =>
      judge(new Ending(end), [subject]);
    await expect(ends((y) => y.mul(NaN))).rejects.toThrow(/finite outputs, got NaN/);
    await expect(ends((y) => y.reshape([y.shape[0]!, 2, 2]))).rejects.toThrow(ExplainError);
  });
});
