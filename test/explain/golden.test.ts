/** @file Every method that pytorch-grad-cam or Captum also has gives what they give (test/golden/make-explain.py). */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type ExplainOptions, type Explainer, methods } from "../../src/explain/index.ts";
import type { Tensor } from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";
import { drawn, unpacked } from "../support/keras-golden.ts";

const golden = JSON.parse(
  readFileSync(new URL("../golden/explain.json", import.meta.url), "utf8"),
) as {
  readonly logits: string;
  readonly classes: readonly [top: number, second: number];
  readonly maps: Readonly<Record<string, string>>;
};

const fill = (shape: number[], seed: number, scale: number, shift = 0): Tensor =>
  drawn({ shape, seed, scale, shift }, "float32");

/** The network of make-explain.py: its ReLUs belong to the layers before them. */
function network(): nn.Sequential {
  const conv = (name: string, inputs: number, filters: number, seed: number): nn.Conv2d => {
    const activation = name === "first" ? "linear" : "relu";
    const layer = nn.conv2d({ filters, kernelSize: 3, padding: "same", activation, name });
    layer.grow(name === "first" ? [16, 16, inputs] : [8, 8, inputs]);
    layer.kernel = fill([3, 3, inputs, filters], seed, 0.4);
    layer.bias = fill([filters], seed + 30, 0.3);
    return layer;
  };
  const norm = nn.batchNorm();
  norm.grow([16, 16, 6]);
  norm.gamma = fill([6], 11, 0.5, 1);
  norm.beta = fill([6], 12, 0.5);
  norm.movingMean = fill([6], 13, 0.5);
  norm.movingVariance = fill([6], 14, 0.5, 1);
  const dense = nn.dense({ units: 5 });
  dense.grow([512]);
  dense.kernel = fill([512, 5], 21, 0.1);
  dense.bias = fill([5], 22, 0.5);
  return nn.sequential([
    conv("first", 3, 6, 1),
    norm,
    nn.relu(),
    nn.maxPool2d(),
    conv("relu2", 6, 8, 2),
    conv("relu3", 8, 8, 3),
    nn.flatten(),
    dense,
  ]);
}

const model = network();
const image = fill([16, 16, 3], 99, 2);
const [top] = golden.classes;

/** Options that make a map what the golden one is: without ReLU, and each channel separately where Captum keeps them. */
function optionsFor(words: readonly string[]): ExplainOptions {
  const [name, place] = words as [keyof typeof methods, string];
  const { at } = methods[name].method;
  const classIndex = Number(words.find((word) => /^\d$/.test(word)));
  if (place === "merged") return { classIndex, layer: ["relu2", "relu3"] };
  if (name === "guidedGradCam") return { classIndex, layer: "relu2", channels: "each" };
  if (name === "integratedGradients") return { classIndex, channels: "each", steps: 20 } as object;
  if (name === "occlusion") return { classIndex, window: 5, stride: 3 } as object;
  if (name === "fullGrad") return { classIndex };
  if (at === "image") return { classIndex, channels: "each" };
  return { classIndex, layer: place, relu: false, eigenSmooth: words.includes("eigenSmooth") };
}

test("the network gives the scores of PyTorch", () => {
  const logits = model.forward(image.expandDims(0)).data();
  for (const [k, value] of unpacked(golden.logits).entries())
    expect(Math.abs(logits[k]! - value)).toBeLessThan(1e-4);
  expect(logits.indexOf(Math.max(...logits))).toBe(top);
});

test.each(Object.keys(golden.maps))("%s", (key) => {
  const words = key.split(" ");
  const method = methods[words[0] as keyof typeof methods] as Explainer;
  const found = method(model, image, optionsFor(words));
  let expected = [...unpacked(golden.maps[key]!)];
  let values = [...found.values];
  // pytorch-grad-cam leaves the sign of principal components to the decomposition.
  const isPrincipal = words[0]!.startsWith("eigen") || words.includes("eigenSmooth");
  if (isPrincipal && dot(values, expected) < 0) expected = expected.map((value) => -value);
  if (words[0] === "fullGrad") values = unit(values);
  const range = Math.max(...expected) - Math.min(...expected);
  expect(range).toBeGreaterThan(1e-3);
  expect(values.length).toBe(expected.length);
  const worst = Math.max(...values.map((value, i) => Math.abs(value - expected[i]!)));
  expect(worst / range).toBeLessThan(1e-4);
});

test("every method that either has is compared", () => {
  const compared = new Set(Object.keys(golden.maps).map((key) => key.split(" ")[0]!));
  expect(Object.keys(methods).filter((name) => !compared.has(name))).toEqual([
    "smoothGrad",
    "rise",
  ]);
});

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}

function unit(values: readonly number[]): number[] {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return values.map((value) => (value - least) / (most - least));
}
