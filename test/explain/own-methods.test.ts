/** @file Methods of a user's own, and what tells the programs of one network apart: identity and values, never joined text. */
import { describe, expect, test } from "vitest";
import {
  ExplainError,
  type PassMethod,
  type StudyMethod,
  explainer,
  gradCam,
  kinds,
  hiResCam,
  layerCam,
  occlusion,
  optional,
  saliency,
} from "../../src/explain/index.ts";
import { Programs } from "../../src/explain/network/programs.ts";
import { type Tensor, random, tensor } from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";

const facts = { title: "Mine", source: "this test, 2026", fold: "sum", relu: false } as const;
const x = random.uniform(random.key(1), [6, 6, 1]);

const network = (): nn.Sequential =>
  nn.sequential([
    nn.conv2d({ filters: 3, kernelSize: 3, inputShape: [6, 6, 1], name: "c", seed: 2 }),
    nn.globalAveragePool2d(),
    nn.dense({ units: 2, seed: 3 }),
    nn.softmax(),
  ]);

/** How much the score falls when a column of the image becomes `value`. */
const columnsOf = (value: number) =>
  explainer({
    ...facts,
    name: "columns",
    at: "image",
    options: {
      batchSize: optional(kinds.count, 4, "Columns at a time."),
      strength: optional(kinds.between(0, 1), 1, "How much of a column is replaced."),
    },
    *study({ image, score, program }, { batchSize, strength }) {
      const [, , width] = image.shape as [number, number, number];
      const without = program([value, strength], batchSize, (look, picture, columns) => {
        const isChosen = columns!.oneHot(width, { dtype: "float32" }).mul(strength);
        const mask = isChosen.expandDims([1, 3]);
        return look(picture!.mul(mask.neg().add(1)).add(mask.mul(value))).scores;
      });
      const falls = new Float32Array(width);
      for (let first = 0; first < width; first += batchSize) {
        yield first / width;
        const columns = Int32Array.from({ length: batchSize }, (_, i) => first + i);
        const scores = without(image, tensor(columns)).data();
        for (let i = 0; i < batchSize && first + i < width; i++)
          falls[first + i] = score - scores[i]!;
      }
      return tensor(falls, { shape: [1, 1, width, 1] });
    },
  });

describe("a method of one's own", () => {
  test("of one pass", () => {
    const mine = explainer({
      ...facts,
      name: "mine",
      at: "layer",
      contributions: ({ activations, gradients, scores, images }) =>
        activations.mul(gradients).add(scores.sum()).add(images.mean().mul(0)),
    });
    const net = network();
    const { values, scoreValue, layer, method } = mine(net, x, { classIndex: 1 });
    expect([layer, method]).toEqual(["c", "mine"]);
    const plain = hiResCam(net, x, { classIndex: 1, relu: false }).values;
    // The score is added to each of three channels.
    for (const [i, value] of values.entries())
      expect(value).toBeCloseTo(plain[i]! + 3 * scoreValue, 4);
  });

  test("of many passes, with options of its own", () => {
    const columns = columnsOf(0);
    const net = network();
    const scoreOf = (image: Tensor): number => gradCam(net, image, { classIndex: 0 }).scoreValue;
    const options = { classIndex: 0, batchSize: 4 };
    const found = columns(net, x, options);
    expect(found.shape).toEqual([1, 6]);
    const kept = (column: number): Tensor =>
      tensor(Float32Array.from({ length: 6 }, (_, i) => (i === column ? 0 : 1))).reshape([1, 6, 1]);
    for (let column = 0; column < 6; column++)
      expect(found.values[column]).toBeCloseTo(scoreOf(x) - scoreOf(x.mul(kept(column))), 5);
    expect([...columns(net, x, { ...options, strength: 0 }).values]).toEqual(Array(6).fill(0));
    expect(columns.options.rows().slice(-2)).toEqual([
      expect.objectContaining({ name: "batchSize", fallback: "4" }),
      expect.objectContaining({ name: "strength", expected: "a number from 0 to 1" }),
    ]);
    expect(() => columns(net, x, { strength: 2 })).toThrow(ExplainError);
    expect(() => columns(net, x, { strength: 2 })).toThrow(/columns: strength: .*0 to 1, got 2/);
    expect(() => columns(net, x, { strenth: 1 } as object)).toThrow("Did you mean strength?");
  });

  test("without options of its own", () => {
    const mean: StudyMethod = {
      ...facts,
      name: "mean",
      at: "image",
      *study({ image }) {
        yield 0;
        return image.mean([1, 2], true);
      },
    };
    expect(explainer(mean)(network(), x).values[0]).toBeCloseTo(x.mean().item(), 6);
  });
});

test.each([
  [{ at: "layers" }, /mine: at: expected one of layer, image.*Did you mean layer/],
  [{ fold: "mean" }, /mine: fold: expected one of sum, max/],
  [{ contributions: undefined, study: undefined }, /mine: expected contributions or study, got/],
  [{ study: () => undefined }, /got contributions and study/],
])("%o makes no method", (change, message) => {
  const contributions = ({ activations }: { activations: Tensor }): Tensor => activations;
  const method = { ...facts, name: "mine", at: "layer", contributions, ...change };
  expect(() => explainer(method as PassMethod)).toThrow(ExplainError);
  expect(() => explainer(method as PassMethod)).toThrow(message);
});

test("an option of one's own may not have the name of a common one", () => {
  const options = { relu: optional(kinds.flag, true, "Another relu.") };
  const method = { ...facts, name: "mine", at: "image", options } as const;
  expect(() =>
    explainer({
      ...method,
      *study({ image }) {
        yield 0;
        return image;
      },
    }),
  ).toThrow(/mine: options: expected names of its own, got relu/);
});

test("a network keeps a bounded number of programs, those used last", () => {
  const programs = new Programs();
  const made: number[] = [];
  const use = (n: number): number =>
    programs.get(["program", [n]], () => {
      made.push(n);
      return n;
    });
  for (let n = 0; n < 32; n++) use(n);
  expect([use(0), use(32), use(0), use(31)]).toEqual([0, 32, 0, 31]);
  expect(made).toHaveLength(33);
  use(1); // The least recently used one left for number 32.
  expect(made.at(-1)).toBe(1);
});

describe("programs of one network are told apart", () => {
  test("by the method, not its name: two of one name, and one of a name that is taken", () => {
    const net = network();
    const of = (factor: number, name: string): number => {
      const method: PassMethod = {
        ...facts,
        name,
        at: "layer",
        contributions: ({ activations }) => activations.mul(factor),
      };
      return explainer(method)(net, x, { layer: "c" }).values[0]!;
    };
    const first = of(1, "mine");
    expect(of(-5, "mine")).toBeCloseTo(-5 * first, 5);
    gradCam(net, x, { layer: "c", relu: false });
    expect(of(2, "gradCam")).toBeCloseTo(2 * first, 5);
  });

  test("so it is with methods of many passes", () => {
    const net = network();
    const [dark, light] = [columnsOf(0), columnsOf(9)].map((method) => [...method(net, x).values]);
    expect(light).not.toEqual(dark);
    expect([...columnsOf(9)(network(), x).values]).toEqual(light);
  });

  test("by lists of layers, whatever is in the names", () => {
    const conv = (name: string, options: object = {}): nn.Layer =>
      nn.conv2d({
        filters: 2,
        kernelSize: 3,
        padding: "same",
        activation: "relu",
        name,
        ...options,
      });
    const make = (): nn.Sequential =>
      nn.sequential(
        [
          conv("a", { inputShape: [6, 6, 1] }),
          conv("b c"),
          conv("a b"),
          conv("c"),
          conv("a,b"),
          nn.globalAveragePool2d(),
          nn.dense({ units: 2 }),
        ],
        { seed: 3 },
      );
    const net = make();
    for (const layer of [["a", "b c"], ["a b", "c"], ["a", "b c", "c"], ["a,b"], ["a", "a b"]])
      expect(gradCam(net, x, { layer }).values).toEqual(gradCam(make(), x, { layer }).values);
  });

  test("by every option that a program depends on", () => {
    const net = network();
    const targets = [1, -2].map((factor) => (y: Tensor) => y.at(0, 1).mul(factor));
    for (const options of [
      {},
      { score: "probability" },
      { channels: "max" },
      { channels: "each" },
      { eigenSmooth: true },
      { target: targets[0]! },
      { target: targets[1]! },
      { target: targets[0]!, score: "probability" },
      { classIndex: [[0, 1]] },
      { classIndex: [[1]] },
    ] as const) {
      const fresh = network();
      expect(layerCam(net, x, options)).toEqual(layerCam(fresh, x, options));
      expect(saliency(net, x, options)).toEqual(saliency(fresh, x, options));
    }
    for (const window of [1, 2, 12 / 4])
      expect(occlusion(net, x, { window })).toEqual(occlusion(network(), x, { window }));
  });

  test("by shape and dtype of the images", () => {
    const any = nn.lambda((y: Tensor) => y.square().mean([1, 2]));
    for (const shape of [
      [2, 12, 1],
      [21, 2, 1],
      [2, 1, 21],
    ])
      for (const dtype of ["float32", "float64"] as const) {
        const image = random.normal(random.key(1), shape, { dtype });
        expect(saliency(any as never, image, { classIndex: 0 }).shape).toEqual(shape.slice(0, 2));
      }
  });
});
