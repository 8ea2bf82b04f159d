/** @file Grad-CAM by its definition: the gradient of the part of the network above a layer, taken alone. */
import { describe, expect, test } from "vitest";
import { ExplainError, gradCam } from "../../src/explain/index.ts";
import { type Tensor, grad, random, tensor } from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";

const images = random.normal(random.key(1), [2, 12, 10, 3]);

const lower = (): nn.Layer[] => [
  nn.conv2d({ filters: 4, kernelSize: 3, activation: "relu", inputShape: [12, 10, 3] }),
  nn.conv2d({ filters: 5, kernelSize: 3, activation: "relu", name: "last" }),
];
const upper = (): nn.Layer[] => [
  nn.maxPool2d(),
  nn.dropout({ rate: 0.5 }),
  nn.flatten(),
  nn.dense({ units: 7, name: "logits" }),
];

/** A network in two parts, and as one. */
function network(): { low: nn.Sequential; high: nn.Sequential; whole: nn.Sequential } {
  const [below, above] = [lower(), upper()];
  const whole = nn.sequential([...below, ...above, nn.softmax()], { seed: 3 });
  return { low: nn.sequential(below), high: nn.sequential(above), whole };
}

/** Equations 1 and 2 of Selvaraju et al. in plain numbers. */
function byDefinition(activations: Tensor, gradients: Tensor, n: number): number[] {
  const [, h, w, channels] = activations.shape as [number, number, number, number];
  const [a, g] = [activations.at(n).data(), gradients.at(n).data()];
  const alpha = Array.from({ length: channels }, (_, k) => {
    let sum = 0;
    for (let place = 0; place < h * w; place++) sum += g[place * channels + k]!;
    return sum / (h * w);
  });
  return Array.from({ length: h * w }, (_, place) =>
    alpha.reduce((sum, weight, k) => sum + weight * a[place * channels + k]!, 0),
  );
}

function expectClose(found: ArrayLike<number>, expected: readonly number[]): void {
  const range = Math.max(...expected) - Math.min(...expected);
  expect(range).toBeGreaterThan(0);
  expect(found.length).toBe(expected.length);
  for (const [index, value] of expected.entries())
    expect(Math.abs(found[index]! - value)).toBeLessThan(1e-5 * range);
}

describe("gradCam", () => {
  const { low, high, whole } = network();
  const activations = low.forward(images);

  test.each(["logit", "probability"] as const)("is its definition, by %s", (score) => {
    const classes = [4, 0];
    const scoreOf = (a: Tensor): Tensor => {
      const logits = high.forward(a);
      const explained = score === "logit" ? logits : logits.softmax(-1);
      return explained.mul(tensor(classes, { dtype: "int32" }).oneHot(7)).sum();
    };
    const gradients = grad(scoreOf)(activations);
    const found = gradCam.batch(whole, images, {
      layer: "last",
      classIndex: classes,
      score,
      relu: false,
    });
    for (const [n, { values, shape, classIndex }] of found.entries()) {
      expect([shape, classIndex]).toEqual([[8, 6], classes[n]]);
      expectClose(values, byDefinition(activations, gradients, n));
    }
  });

  test("explains each image's top class, and says with which probability", () => {
    const probabilities = whole.forward(images);
    for (const [n, found] of gradCam.batch(whole, images).entries()) {
      const top = probabilities.at(n).argMax().item();
      expect(found.classIndex).toBe(top);
      expect(found.probability).toBeCloseTo(probabilities.at(n).at(top).item(), 6);
      expect(found.layer).toBe("max_pooling2d");
      expect(Math.min(...found.values)).toBeGreaterThanOrEqual(0);
    }
  });

  test("does one forward pass and differentiates nothing below the layer", () => {
    const text = gradCam.program(whole, images.at(0), { layer: "last" });
    const convolutions = (text.match(/ 3 x 3 convolution,/g) ?? []).length;
    expect(convolutions).toBe(2);
    expect(text).not.toMatch(/convFilter/);
  });

  test("names what it cannot explain", () => {
    const of =
      (options: object, image = images.at(0)) =>
      () =>
        gradCam(whole, image, options);
    expect(of({ layer: "lats" })).toThrow(/got "lats"\. Most like it: last/);
    expect(of({ layer: "flatten" })).toThrow(/height and width above 1.*\[60\]/);
    expect(of({ classIndex: 7 })).toThrow(/a class from 0 to 6, got 7/);
    expect(of({}, images.at(0).transpose())).toThrow(ExplainError);
    expect(of({}, images)).toThrow(/one image, got 2\. Use gradCam\.batch/);
    expect(of({ layers: "last" })).toThrow(/Did you mean layer/);
  });
});
