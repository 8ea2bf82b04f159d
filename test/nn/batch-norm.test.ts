// Batch normalisation: statistics of the batch in training, its own in inference, and how they move.
import { describe, expect, test } from "vitest";
import {
  ArgumentError,
  DTypeError,
  ShapeError,
  type Tensor,
  checkGrad,
  jit,
  random,
  tensor,
} from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";

const key = random.key(0);
const train = nn.training(key);
const float64 = { dtype: "float64" } as const;

/** Mean and biased variance of each feature along the last axis, by loops. */
function moments(x: Tensor): { mean: number[]; variance: number[] } {
  const features = x.shape.at(-1)!;
  const data = x.data();
  const rows = data.length / features;
  const mean = Array.from({ length: features }, () => 0);
  data.forEach((value, i) => (mean[i % features]! += value / rows));
  const variance = mean.map(() => 0);
  data.forEach(
    (value, i) => (variance[i % features]! += (value - mean[i % features]!) ** 2 / rows),
  );
  return { mean, variance };
}

const close = (found: Tensor, expected: readonly number[], digits = 12): void => {
  const data = found.data();
  expect(data.length).toBe(expected.length);
  expected.forEach((value, i) => expect(data[i]).toBeCloseTo(value, digits));
};

const x = random.normal(random.key(1), [6, 3, 2, 4], { ...float64, mean: 3, std: 2 });

test("Keras' parameters and names", () => {
  const layer = nn.batchNorm({ inputShape: [5, 4] });
  expect(layer.namedParameters().map(([name, p]) => `${name} ${p.shape} ${p.data()[0]}`)).toEqual([
    "gamma 4 1",
    "beta 4 0",
    "movingMean 4 0",
    "movingVariance 4 1",
  ]);
  expect([...nn.statePaths(layer)]).toEqual(["movingMean", "movingVariance"]);
  expect(layer.className).toBe("BatchNormalization");
  const bare = nn.batchNorm({ inputShape: [4], center: false, scale: false });
  expect(bare.namedParameters().map(([name]) => name)).toEqual(["movingMean", "movingVariance"]);
  const drawn = nn.batchNorm({
    inputShape: [4],
    betaInitializer: "randomNormal",
    movingMeanInitializer: nn.initializers.constant(2),
  });
  expect(new Set(drawn.beta!.data()).size).toBe(4);
  expect([...drawn.movingMean.data()]).toEqual([2, 2, 2, 2]);
});

describe("training", () => {
  test("normalises by mean and biased variance of the batch", () => {
    const layer = nn.batchNorm({ inputShape: [3, 2, 4], ...float64, epsilon: 0.25 });
    layer.gamma = tensor([1, 2, 3, 4], float64);
    layer.beta = tensor([-1, 0, 1, 2], float64);
    const { mean, variance } = moments(x);
    const y = layer.forward(x, train);
    close(
      y,
      [...x.data()].map((value, i) => {
        const c = i % 4;
        return ((value - mean[c]!) / Math.sqrt(variance[c]! + 0.25)) * (c + 1) + c - 1;
      }),
      11,
    );
  });

  test("moves its statistics by momentum, and twice where it is applied twice", () => {
    const layer = nn.batchNorm({ inputShape: [3, 2, 4], ...float64, momentum: 0.9 });
    const { mean, variance } = moments(x);
    const once = nn.collectUpdates(() => layer.forward(x, train)).updates;
    close(
      once.get(layer.movingMean)!,
      mean.map((m) => 0.1 * m),
    );
    close(
      once.get(layer.movingVariance)!,
      variance.map((v) => 0.9 + 0.1 * v),
    );
    const twice = nn.collectUpdates(() => [
      layer.forward(x, train),
      layer.forward(x, train),
    ]).updates;
    close(
      twice.get(layer.movingMean)!,
      mean.map((m) => 0.1 * m + 0.9 * 0.1 * m),
    );
    expect([...layer.movingMean.data()]).toEqual([0, 0, 0, 0]);
  });

  test("along another axis is the same with axes in another order", () => {
    const last = nn.batchNorm({ inputShape: [3, 2, 4], ...float64 });
    const first = nn.batchNorm({ inputShape: [4, 3, 2], ...float64, axis: 1 });
    const negative = nn.batchNorm({ inputShape: [4, 3, 2], ...float64, axis: -3 });
    const turned = x.transpose([0, 3, 1, 2]);
    const expected = [...last.forward(x, train).transpose([0, 3, 1, 2]).data()];
    close(first.forward(turned, train), expected);
    close(negative.forward(turned, train), expected);
    close(first.forward(turned), [...last.forward(x).transpose([0, 3, 1, 2]).data()]);
  });

  test("has the derivatives of finite differences", () => {
    const layer = nn.batchNorm({
      inputShape: [2, 3],
      ...float64,
      gammaInitializer: "randomUniform",
    });
    const small = random.normal(random.key(2), [4, 2, 3], float64);
    const weights = random.normal(random.key(3), [4, 2, 3], float64);
    checkGrad(
      (gamma: Tensor, beta: Tensor, input: Tensor) => {
        const copy = Object.assign(Object.create(layer) as nn.BatchNorm, { gamma, beta });
        return copy.forward(input, train).mul(weights).sum();
      },
      [layer.gamma!, layer.beta!, small],
    );
  });

  test("where it is not trainable, or in inference, is by its own statistics", () => {
    const layer = nn.batchNorm({ inputShape: [3, 2, 4], ...float64 });
    layer.movingMean = tensor([1, 2, 3, 4], float64);
    layer.movingVariance = tensor([4, 3, 2, 1], float64);
    const expected = [...x.data()].map(
      (value, i) => (value - (1 + (i % 4))) / Math.sqrt(4 - (i % 4) + 1e-3),
    );
    close(layer.forward(x), expected, 11);
    layer.trainable = false;
    const { result, updates } = nn.collectUpdates(() => layer.forward(x, train));
    close(result, expected, 11);
    expect(updates.size).toBe(0);
  });
});

test("in inference it is part of the convolution before it", () => {
  const net = nn.sequential([
    nn.conv2d({ filters: 8, kernelSize: 3, inputShape: [16, 16, 4] }),
    nn.batchNorm(),
    nn.activation({ activation: "relu" }),
  ]);
  const image = random.normal(random.key(5), [1, 16, 16, 4]);
  const forward = jit((m: nn.Sequential, input: Tensor) => m.forward(input));
  // One loop over the image: the convolution's, with all that follows in it.
  expect(forward.listing(net, image).match(/loop \[14, 14, 8\]/g)).toHaveLength(1);
  const found = forward(net, image).data();
  net
    .forward(image)
    .data()
    .forEach((value, i) => expect(found[i]).toBeCloseTo(value, 5));
});

describe("wrong use is named", () => {
  const layer = nn.batchNorm({ inputShape: [4], name: "bn" });
  const wrong: readonly (readonly [() => unknown, new (...args: never[]) => Error, RegExp])[] = [
    [() => nn.batchNorm({ axis: 0 }), ArgumentError, /axis.*batch.*got 0/],
    [() => nn.batchNorm({ axis: 2, inputShape: [4] }), ShapeError, /axis.*rank 2/],
    [() => nn.batchNorm({ momentum: 2 }), ArgumentError, /momentum.*0 to 1.*2/],
    [() => nn.batchNorm({ epsilon: -1 }), ArgumentError, /epsilon/],
    [() => nn.batchNorm({ virtualBatchSize: 3 } as never), ArgumentError, /virtualBatchSize/],
    [() => nn.batchNorm({ gammaInitializer: "one" as never }), ArgumentError, /gammaInitializer/],
    [() => nn.batchNorm().forward(x), ArgumentError, /inputShape/],
    [() => layer.forward(tensor([[1, 2]])), ShapeError, /batchNorm "bn".*4 features.*\[1, 2\]/],
    [() => layer.forward(tensor([[1, 2, 3, 4]], float64)), DTypeError, /batchNorm "bn".*cast/],
    [
      () => layer.forward(tensor([[1, 2, 3, 4]]), { training: true }),
      ArgumentError,
      /batchNorm "bn".*odeBlock.*layerNorm/,
    ],
  ];
  for (const [index, [run, type, message]] of wrong.entries())
    test(`${index}: ${message.source}`, () => {
      expect(run).toThrow(type);
      expect(run).toThrow(message);
    });
});
