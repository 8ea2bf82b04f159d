/** @file What is explained: classes, probabilities, functions of outputs, whatever way a network ends. */
import { describe, expect, test } from "vitest";
import {
  ExplainError,
  type Explanation,
  gradCam,
  hiResCam,
  saliency,
} from "../../src/explain/index.ts";
import { type Tensor, random, tensor } from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";

const image = random.normal(random.key(5), [8, 8, 3]);
const body = (): nn.Layer[] => [
  nn.conv2d({
    filters: 4,
    kernelSize: 3,
    activation: "relu",
    name: "maps",
    seed: 1,
    inputShape: [8, 8, 3],
  }),
  nn.globalAveragePool2d({ name: "means" }),
];
const scores = (units: number, options: object = {}): nn.Dense =>
  nn.dense({ units, seed: 2, name: "scores", ...options });
const linear = nn.sequential([...body(), scores(3)]);

function expectClose(found: Explanation, expected: ArrayLike<number>): void {
  const largest = Math.max(...Array.from(expected, Math.abs));
  expect(largest).toBeGreaterThan(0);
  expect(found.values.length).toBe(expected.length);
  for (const [i, value] of found.values.entries())
    expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-5 * largest);
}

describe("the logit is what the last softmax receives", () => {
  const kernel = (linear.layers[2] as nn.Dense).kernel.reshape([1, 1, 4, 3]);
  const endings: Record<string, nn.Sequential> = {
    "a layer of its own": nn.sequential([...body(), scores(3), nn.softmax()]),
    "an activation layer": nn.sequential([
      ...body(),
      scores(3),
      nn.activation({ activation: "softmax" }),
    ]),
    "fused into a dense layer": nn.sequential([...body(), scores(3, { activation: "softmax" })]),
    "a function of one's own": nn.sequential([...body(), scores(3), (x) => x.softmax()]),
    "with a reshape behind it": nn.sequential([
      ...body(),
      nn.reshape({ targetShape: [1, 1, 4] }),
      nn.conv2d({
        filters: 3,
        kernelSize: 1,
        name: "convolved",
        activation: "softmax",
        kernelInitializer: () => kernel,
      }),
      nn.flatten(),
    ]),
    "along another axis": nn.sequential([
      ...body(),
      scores(3),
      nn.reshape({ targetShape: [3, 1, 1] }),
      nn.softmax({ axis: 1 }),
    ]),
    "in a nested model": nn.sequential([...body(), nn.sequential([scores(3), nn.softmax()])]),
    "as its logarithm": nn.sequential([...body(), scores(3, { activation: "logSoftmax" })]),
  };

  test.each(Object.entries(endings))("%s", (_, network) => {
    const expected = gradCam(linear, image, { layer: "maps", relu: false, classIndex: 1 });
    const found = gradCam(network, image, { layer: "maps", relu: false, classIndex: 1 });
    expectClose(found, expected.values);
    expect(found.scoreValue).toBeCloseTo(expected.scoreValue, 5);
    expect(found.probability).toBeCloseTo(expected.probability!, 5);
    const byProbability = {
      layer: "maps",
      relu: false,
      classIndex: 1,
      score: "probability",
    } as const;
    expectClose(
      gradCam(network, image, byProbability),
      gradCam(linear, image, byProbability).values,
    );
  });

  test("and of a sigmoid, for each class separately", () => {
    const network = nn.sequential([...body(), scores(3, { activation: "sigmoid" })]);
    const found = gradCam(network, image, { layer: "maps", relu: false, classIndex: 2 });
    expectClose(
      found,
      gradCam(linear, image, { layer: "maps", relu: false, classIndex: 2 }).values,
    );
    expect(found.probability).toBeCloseTo(
      network.forward(image.expandDims(0)).at(0).at(2).item(),
      6,
    );
  });
});

describe("targets", () => {
  const of = (options: object): Explanation =>
    gradCam(linear, image, { layer: "maps", relu: false, ...options });

  test("several classes: the sum of their maps", () => {
    const [a, b] = [of({ classIndex: 0 }), of({ classIndex: 2 })];
    const both = of({ classIndex: [[0, 2]] });
    expect(both.classIndices).toEqual([0, 2]);
    expectClose(
      both,
      a.values.map((value, i) => value + b.values[i]!),
    );
    const batch = random.normal(random.key(6), [3, 8, 8, 3]);
    const each = gradCam.batch(linear, batch, { classIndex: [1, [0, 2], 0], layer: "maps" });
    expect(each.map(({ classIndices }) => classIndices)).toEqual([[1], [0, 2], [0]]);
    const alone = gradCam(linear, batch.at(1), { classIndex: [[0, 2]], layer: "maps" });
    expectClose(each[1]!, alone.values);
  });

  test("any function of the outputs", () => {
    const difference = (outputs: Tensor): Tensor => outputs.at(0, 1).sub(outputs.at(1, 1));
    const found = of({ target: difference });
    const [a, b] = [of({ classIndex: 0 }), of({ classIndex: 1 })];
    expectClose(
      found,
      a.values.map((value, i) => value - b.values[i]!),
    );
    expect([found.classIndex, found.probability, found.saturated]).toEqual([
      undefined,
      undefined,
      false,
    ]);
    expect(() => of({ target: (outputs: Tensor) => outputs.sum() })).toThrow(
      /one score for each sample/,
    );
    expect(() => of({ target: difference, classIndex: 1 })).toThrow(
      /a classIndex or a target, got both/,
    );
  });

  test("one output and a sigmoid: two classes of opposite sign", () => {
    const network = nn.sequential([...body(), scores(1, { activation: "sigmoid" })]);
    const options = { layer: "maps", relu: false };
    const [no, yes] = [0, 1].map((classIndex) =>
      gradCam(network, image, { ...options, classIndex }),
    );
    expectClose(
      no!,
      yes!.values.map((value) => -value),
    );
    expect(no!.probability! + yes!.probability!).toBeCloseTo(1, 6);
    const p = network.forward(image.expandDims(0)).item();
    expect(yes!.probability).toBeCloseTo(p, 6);
    expect(gradCam(network, image, options).classIndex).toBe(p > 0.5 ? 1 : 0);
    expect(() => gradCam(network, image, { classIndex: 2 })).toThrow(/a class from 0 to 1, got 2/);
  });

  test("one output without: regression, explained as it is", () => {
    const network = nn.sequential([...body(), scores(1)]);
    const found = hiResCam(network, image, { layer: "maps", relu: false });
    expect(found.scoreValue).toBeCloseTo(network.forward(image.expandDims(0)).item(), 5);
    expect([found.classIndex, found.probability, found.probabilities]).toEqual([
      0,
      undefined,
      undefined,
    ]);
    // Linear above the layer and without a bias: the map adds up to the number.
    expect(found.values.reduce((a, b) => a + b)).toBeCloseTo(found.scoreValue, 4);
    expect(() => gradCam(network, image, { classIndex: 1 })).toThrow(/the network's only output/);
  });

  test("one of several outputs", () => {
    const x = nn.input({ shape: [8, 8, 3] });
    const maps = body().reduce((y, layer) => layer.apply(y), x);
    const [a, b] = [scores(3), nn.dense({ units: 2, seed: 9 })];
    const network = nn.model({ inputs: x, outputs: [a.apply(maps), b.apply(maps)] });
    expectClose(
      gradCam(network, image, { layer: "maps", output: 0, classIndex: 1, relu: false }),
      of({ classIndex: 1 }).values,
    );
    expect(() => gradCam(network, image)).toThrow(/one output, got 2 outputs.*output: 0/);
    expect(() => gradCam(network, image, { output: 2 })).toThrow(/below 2, got 2/);
  });

  test("outputs that are not scores", () => {
    const maps = nn.sequential(body().slice(0, 1));
    expect(() => saliency(maps, image)).toThrow(ExplainError);
    expect(() => saliency(maps, image)).toThrow(/\[6, 6, 4\].*target/);
    const found = saliency(maps, image, { target: (outputs) => outputs.sum([1, 2, 3]) });
    expect(found.shape).toEqual([8, 8]);
    const hidden = nn.sequential([
      ...body(),
      scores(3),
      (x) => x.exp().div(x.exp().sum([-1], true)),
    ]);
    expect(() => gradCam(hidden, image)).toThrow(/add up to 1.*no softmax/);
  });
});

describe("what a map cannot show is stated", () => {
  test("allNonPositive: the map before the ReLU", () => {
    const away = nn.sequential([
      ...body(),
      scores(2, { kernelInitializer: "ones" }),
      (x) => x.neg(),
    ]);
    const found = gradCam(away, image, { layer: "maps" });
    expect(found.allNonPositive).toBe(true);
    expect(Math.max(...found.values)).toBe(0);
    const signed = gradCam(away, image, { layer: "maps", relu: false });
    expect(Math.min(...signed.values)).toBeLessThan(0);
    expect(
      gradCam(linear, image, { layer: "maps", classIndex: 0, relu: false }).allNonPositive,
    ).toBe(
      Math.max(...gradCam(linear, image, { layer: "maps", classIndex: 0, relu: false }).values) <=
        0,
    );
  });

  test("saturated: a probability whose gradient has vanished, and only that", () => {
    const sure = nn.sequential([...body(), scores(3), (x) => x.mul(1e4), nn.softmax()]);
    expect(gradCam(sure, image, { score: "probability" }).saturated).toBe(true);
    expect(gradCam(sure, image).saturated).toBe(false);
    expect(gradCam(linear, image, { score: "probability" }).saturated).toBe(false);
    const sigmoids = nn.sequential([
      ...body(),
      scores(3),
      (x) => x.sub(x).add(1),
      (x) => x.sigmoid(),
    ]);
    const both = { score: "probability", classIndex: [[0, 2]] } as const;
    const { probability, saturated } = gradCam(sigmoids, image, both);
    expect(probability).toBeCloseTo(2 / (1 + Math.exp(-1)), 5);
    expect(saturated).toBe(false);
  });

  test("NaN: the layer where it comes from, and the parameter", () => {
    const network = nn.sequential([...body(), scores(3)]);
    const conv = network.layers[0] as nn.Conv2d;
    conv.bias = tensor([0, NaN, 0, 0]);
    expect(() => gradCam(network, image)).toThrow(/first in layer "maps".*layers\[0\]\.bias/);
    const root = nn.sequential([...body(), (x) => x.mul(0).sqrt(), scores(3)]);
    expect(() => gradCam(root, image)).toThrow(/derivative is infinite or NaN/);
    const bad = tensor(image.data().fill(NaN, 0, 1), { shape: [8, 8, 3] });
    expect(() => gradCam(linear, bad)).toThrow(/image: expected finite numbers/);
  });
});
