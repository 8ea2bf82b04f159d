/** @file Parameter randomisation: which parameters change when, and what of maps that do and do not depend on the network. */
import fc from "fast-check";
import * as nn from "../../src/nn/index.ts";
import { describe, expect, test } from "vitest";
import { type Tensor, random } from "../../src/index.ts";
import { type Network, gradCam, parameterRandomisation } from "../../src/explain/index.ts";
import { rankCorrelation, structuralSimilarity } from "../../src/explain/judge/randomisation.ts";
import { ArgumentError } from "../../src/base/errors.ts";

const network = nn.sequential(
  [
    nn.conv2d({
      filters: 6,
      kernelSize: 3,
      inputShape: [12, 12, 3],
      activation: "relu",
      name: "first",
    }),
    nn.batchNorm({ name: "norm" }),
    nn.conv2d({ filters: 6, kernelSize: 3, activation: "relu", name: "second" }),
    nn.globalAveragePool2d(),
    nn.dense({ units: 4, name: "scores" }),
  ],
  { seed: 1 },
);
const images = random.normal(random.key(2), [6, 12, 12, 3]);

describe("similarity", () => {
  const values = fc.array(fc.integer({ min: -4, max: 4 }), { minLength: 3, maxLength: 12 });

  test("rank correlation is Pearson's of mean ranks, whatever keeps the order", () => {
    fc.assert(
      fc.property(values, fc.integer(), (a, seed) => {
        const b = a.map((value, i) => Math.sin(seed + i * i) + value / 3);
        const rank = (x: number[]): number[] =>
          x.map((v) => x.filter((o) => o < v).length + (x.filter((o) => o === v).length - 1) / 2);
        const [r, s] = [rank(a), rank(b)];
        const mean = (x: number[]): number => x.reduce((p, q) => p + q, 0) / x.length;
        const cov = (x: number[], y: number[]): number =>
          mean(x.map((v, i) => (v - mean(x)) * (y[i]! - mean(y))));
        const expected = cov(r, r) === 0 ? 0 : cov(r, s) / Math.sqrt(cov(r, r) * cov(s, s));
        expect(rankCorrelation(a, b)).toBeCloseTo(expected, 10);
        expect(
          rankCorrelation(
            a,
            a.map((v) => v * v * v + 7),
          ),
        ).toBeCloseTo(cov(r, r) === 0 ? 0 : 1, 10);
        expect(
          rankCorrelation(
            a,
            b.map((v) => -v),
          ),
        ).toBeCloseTo(-expected, 10);
      }),
    );
  });

  test("structural similarity: 1 for equal maps, the formula for one window, the mean for several", () => {
    const draw = (seed: number): number[] =>
      Array.from({ length: 64 }, (_, i) => Math.sin(seed * (i + 1)) ** 2);
    const [a, b] = [draw(1.3), draw(2.1)];
    const unit = (x: number[]): number[] =>
      x.map((v) => (v - Math.min(...x)) / (Math.max(...x) - Math.min(...x)));
    const window = (x: number[], top: number, left: number, size: number): number[] =>
      Array.from(
        { length: size * size },
        (_, i) => x[(top + Math.floor(i / size)) * 8 + left + (i % size)]!,
      );
    const mean = (x: number[]): number => x.reduce((p, q) => p + q, 0) / x.length;
    const one = (x: number[], y: number[]): number => {
      const [mx, my] = [mean(x), mean(y)];
      const [vx, vy] = [mean(x.map((v) => (v - mx) ** 2)), mean(y.map((v) => (v - my) ** 2))];
      const cov = mean(x.map((v, i) => (v - mx) * (y[i]! - my)));
      return (
        (((2 * mx * my + 1e-4) / (mx * mx + my * my + 1e-4)) * (2 * cov + 9e-4)) / (vx + vy + 9e-4)
      );
    };
    const [x, y] = [unit(a), unit(b)];
    const places = [0, 1].flatMap((top) => [0, 1].map((left) => [top, left] as const));
    const expected = mean(places.map(([t, l]) => one(window(x, t, l, 7), window(y, t, l, 7))));
    expect(structuralSimilarity(a, b, [8, 8])).toBeCloseTo(expected, 10);
    expect(structuralSimilarity(a, a, [8, 8])).toBeCloseTo(1, 12);
    // 4 rows hold a window of 3.
    expect(structuralSimilarity(a.slice(0, 16), b.slice(0, 16), [4, 4])).toBeLessThan(1);
  });
});

describe("parameterRandomisation", () => {
  const seen = async (
    mode: "cascading" | "independent" | "together",
  ): Promise<{ layers: string[]; changed: string[][] }> => {
    const changed: string[][] = [];
    const steps = await parameterRandomisation(
      network,
      (other: Network) => {
        const own = new Map(network.namedParameters());
        const differing = other
          .namedParameters()
          .filter(([name, parameter]) => parameter !== own.get(name))
          .map(([name]) => name.split(".")[0]!);
        changed.push([...new Set(differing)]);
        return [{ values: [1, 2, 3, 4], shape: [2, 2] }];
      },
      { mode },
    );
    for (const { rank, rankOfMagnitudes, structure } of steps)
      for (const value of [rank, rankOfMagnitudes, structure]) expect(value).toBeCloseTo(1, 12);
    return { layers: steps.map(({ layer }) => layer), changed };
  };

  test("goes down from the scores, and leaves the network alone", async () => {
    const before = network.parameters().map((parameter) => [...parameter.data()]);
    expect(await seen("cascading")).toEqual({
      layers: ["scores", "second", "norm", "first"],
      changed: [
        [],
        ["layers[4]"],
        ["layers[2]", "layers[4]"],
        ["layers[1]", "layers[2]", "layers[4]"],
        ["layers[0]", "layers[1]", "layers[2]", "layers[4]"],
      ],
    });
    expect(await seen("independent")).toEqual({
      layers: ["scores", "second", "norm", "first"],
      changed: [[], ["layers[4]"], ["layers[2]"], ["layers[1]"], ["layers[0]"]],
    });
    expect(await seen("together")).toEqual({
      layers: ["all"],
      changed: [[], ["layers[0]", "layers[1]", "layers[2]", "layers[4]"]],
    });
    expect(network.parameters().map((parameter) => [...parameter.data()])).toEqual(before);
  });

  test("parameters keep their mean and size; variances stay positive", async () => {
    const wide = nn.sequential([nn.dense({ units: 400, inputShape: [50] }), nn.batchNorm()]);
    const [dense, norm] = wide.layers as [nn.Dense, nn.BatchNorm];
    norm.movingVariance = random.uniform(random.key(3), [400], { min: 0.5, max: 2 });
    const moments = (parameter: Tensor): number[] => {
      const mean = parameter.mean().item();
      return [mean, Math.sqrt(parameter.sub(mean).square().mean().item())];
    };
    const found: Record<string, Tensor>[] = [];
    await parameterRandomisation(wide, (other) => {
      found.push(Object.fromEntries(other.namedParameters()));
      return [{ values: [1], shape: [1, 1] }];
    });
    const last = found.at(-1)!;
    const [kernel, variance] = [last["layers[0].kernel"]!, last["layers[1].movingVariance"]!];
    const [mean, std] = moments(dense.kernel!);
    expect(kernel.equal(dense.kernel!).any().item()).toBe(0);
    expect(Math.abs(moments(kernel)[0]! - mean!)).toBeLessThan((4 * std!) / Math.sqrt(20_000));
    expect(moments(kernel)[1]! / std!).toBeCloseTo(1, 1);
    expect(variance.min().item()).toBeGreaterThan(0);
    // A bias of zeros has no spread to draw from.
    expect(moments(last["layers[0].bias"]!)).toEqual([0, 0]);
  });

  test("Grad-CAM's maps change with every layer above it, the same way for a seed", async () => {
    const explain = (other: Network): ReturnType<typeof gradCam.batch> =>
      gradCam.batch(other, images, { classIndex: 1, relu: false });
    const steps = await parameterRandomisation(network, explain);
    for (const { rank, structure } of steps) {
      expect(rank).toBeLessThan(0.9);
      expect(structure).toBeLessThan(0.9);
    }
    expect(await parameterRandomisation(network, explain)).toEqual(steps);
    expect(await parameterRandomisation(network, explain, { seed: 1 })).not.toEqual(steps);
  });

  test("stops when told to, reports, and refuses wrong options", async () => {
    const controller = new AbortController();
    const seen: number[][] = [];
    const maps = (): { values: number[]; shape: [number, number] }[] => [
      { values: [1], shape: [1, 1] },
    ];
    const work = parameterRandomisation(network, maps, {
      signal: controller.signal,
      onProgress: (done, all) => {
        seen.push([done, all]);
        if (done === 2) controller.abort(new Error("enough"));
      },
    });
    await expect(work).rejects.toThrow("enough");
    expect(seen).toEqual([
      [1, 4],
      [2, 4],
    ]);
    await expect(parameterRandomisation(network, maps, { mode: "all" as never })).rejects.toThrow(
      ArgumentError,
    );
    await expect(parameterRandomisation({} as never, maps)).rejects.toThrow(/a network/);
  });
});
