// What users get wrong with networks: each mistake is named at once, with the layer, what was expected and what came.
import { describe, expect, test } from "vitest";
import { AdjointError, ones, tensor, zeros } from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";
import { adam, evaluate, fit, randomCrop } from "../../src/optim/index.ts";

const loose = nn as unknown as Record<string, (...args: unknown[]) => unknown>;
const conv = { filters: 4, kernelSize: 3 };
const images = zeros([4, 8, 8, 1]);
const labels = tensor([0, 1, 2, 0], { dtype: "int32" });
const small = (): nn.Sequential =>
  nn.sequential([
    nn.conv2d({ ...conv, inputShape: [8, 8, 1] }),
    nn.flatten(),
    nn.dense({ units: 3 }),
  ]);
const fitting = (
  data: unknown,
  options: object = {},
  model: nn.Layer = small(),
): Promise<unknown> =>
  fit(model, data as never, { loss: nn.crossEntropy, optimizer: adam(), ...options } as never);
const symbol = (): nn.SymbolicTensor => nn.input({ shape: [8, 8, 4] });
const block = (options: object): unknown =>
  nn.odeBlock(nn.conv2d({ ...conv, padding: "same" }), { inputShape: [8, 8, 4], ...options });

const mistakes: readonly [name: string, make: () => unknown, message: RegExp][] = [
  [
    "Keras' spelling",
    () => loose["conv2d"]!({ filters: 4, kernel_size: 3 }),
    /Did you mean kernelSize/,
  ],
  ["a shape by position", () => loose["input"]!([8, 8, 1]), /input: expected an object of options/],
  [
    "a shape with the batch",
    () => nn.conv2d({ ...conv, inputShape: [null as never, 28, 28, 1] }),
    /\[null, 28, 28, 1\]/,
  ],
  [
    "integers in",
    () => small().forward(zeros([1, 8, 8, 1], { dtype: "int32" })),
    /Use cast\("float32"\)\.$/,
  ],
  [
    "an image too small",
    () => nn.conv2d({ ...conv, name: "stem", inputShape: [8, 8, 1] }).forward(zeros([1, 2, 8, 1])),
    /conv2d "stem".*3 x 3.*got 2 x 8/,
  ],
  [
    "an image too small for a depthwise kernel",
    () =>
      nn
        .depthwiseConv2d({ kernelSize: 3, name: "stem", inputShape: [8, 8, 1] })
        .forward(zeros([1, 2, 8, 1])),
    /depthwiseConv2d "stem"/,
  ],
  [
    "an image too small for a separable kernel",
    () =>
      nn
        .separableConv2d({ ...conv, name: "stem", inputShape: [8, 8, 1] })
        .forward(zeros([1, 2, 8, 1])),
    /separableConv2d "stem"/,
  ],
  [
    "layers without brackets",
    () => loose["sequential"]!(nn.dense({ units: 2 }), nn.dense({ units: 2 })),
    /array of at least one layer, got Dense/,
  ],
  [
    "model by position",
    () => loose["model"]!(symbol(), symbol()),
    /\{ inputs, outputs \}, got SymbolicTensor/,
  ],
  [
    "forward of symbols",
    () => nn.flatten({ inputShape: [8, 8, 4] }).forward(symbol() as never),
    /use layer\.apply\(\)/,
  ],
  [
    "a flag as mode of a model",
    () => small().forward(images, true as never),
    /mode.*nn\.training\(key\), got true/,
  ],
  [
    "a flag as mode of dropout",
    () => nn.dropout({ rate: 0.5 }).forward(ones([1]), true as never),
    /dropout: mode/,
  ],
  [
    "a flag as mode of batchNorm",
    () => nn.batchNorm({ inputShape: [1] }).forward(ones([1, 1]), true as never),
    /batchNorm: mode/,
  ],
  [
    "a made-up mode",
    () => nn.batchNorm({ inputShape: [1] }).forward(ones([1, 1]), { training: true }),
    /nn\.training\(key\)/,
  ],
  ["an unknown gradient", () => block({ gradient: "adjoint" }), /odeBlock: gradient: .*"adjoint"/],
  [
    "steps of the wrong solver",
    () => block({ method: "rk4", firstStep: 1 }),
    /odeBlock: .*fixed steps/,
  ],
  [
    "data by position",
    () => fitting([images, labels]),
    /fit: data: expected tensors \{ x, y \}, got an array/,
  ],
  ["data of other names", () => fitting({ images, labels }), /got \{ images, labels \}/],
  [
    "no data",
    () => fitting({ x: zeros([0, 8, 8, 1]), y: zeros([0]).cast("int32") }),
    /at least one sample, got 0/,
  ],
  [
    "no whole batch",
    () => fitting({ x: images, y: labels }, { batchSize: 5, dropLast: true }),
    /one batch of 5 samples, got 4/,
  ],
  [
    "an optimiser not called",
    () => fitting({ x: images, y: labels }, { optimizer: adam }),
    /Call it/,
  ],
  [
    "a model without shape",
    () =>
      fitting({ x: images, y: labels }, {}, nn.sequential([nn.flatten(), nn.dense({ units: 3 })])),
    /inputShape/,
  ],
  [
    "an unknown monitor, before any epoch",
    () =>
      fitting(
        { x: images, y: labels },
        {
          earlyStopping: { monitor: "val_loss", mode: "min" },
          onBatch: () => expect.unreachable(),
        },
      ),
    /monitor.*one of loss, got "val_loss"/,
  ],
  [
    "augmented to another size",
    () =>
      fitting(
        { x: images, y: labels },
        {
          augment: (b: { x: typeof images }, key: never) => ({
            ...b,
            x: randomCrop({ size: 6 })(b.x, key),
          }),
        },
      ),
    /dense "dense".*144.*\[4, 64\]/,
  ],
  [
    "an initialiser of another shape",
    () => nn.dense({ units: 2, inputShape: [3], kernelInitializer: () => zeros([3]) }),
    /initializer: .*float32 and shape \[3, 2\], got float32 \[3\]/,
  ],
  [
    "an initialiser of numbers",
    () => nn.conv2d({ ...conv, inputShape: [8, 8, 1], biasInitializer: (() => 0) as never }),
    /shape \[4\], got 0/,
  ],
  [
    "an activation that reduces",
    () => nn.dense({ units: 2, inputShape: [3], activation: (y) => y.sum() }).forward(ones([1, 3])),
    /dense: activation: .*\[1, 2\], got \[\]/,
  ],
  [
    "an activation without return",
    () =>
      nn
        .conv2d({ ...conv, inputShape: [8, 8, 1], activation: (() => undefined) as never })
        .forward(images),
    /conv2d: activation: .*got undefined/,
  ],
  [
    "a layer larger than memory",
    () => nn.dense({ units: 1e6, inputShape: [1e6] }),
    /at most 2\^31 - 1 elements/,
  ],
  [
    "an axis to join along that is not there",
    () => nn.concatenate({ axis: 7 }).apply([symbol(), symbol()]),
    /concatenate: axis: .*rank 4.*got 7/,
  ],
  [
    "a difference of three",
    () => nn.subtract().apply([symbol(), symbol(), symbol()]),
    /two inputs, got 3/,
  ],
  [
    "a controller as signal",
    () => fitting({ x: images, y: labels }, { signal: new AbortController() }),
    /give its \.signal/,
  ],
  [
    "a metric without name",
    () => evaluate(small(), { x: images, y: labels }, nn.metrics.accuracy as never),
    /metrics by name.*got a function/,
  ],
  [
    "no metrics",
    () => evaluate(small(), { x: images, y: labels }, undefined as never),
    /metrics by name.*got undefined/,
  ],
];

describe("mistakes", () => {
  test.each(mistakes)("%s", async (_, make, message) => {
    const error = await Promise.resolve()
      .then(make)
      .then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
    expect(error).toBeInstanceOf(AdjointError);
    expect((error as AdjointError).message).toMatch(message);
  });
});
