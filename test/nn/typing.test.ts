// Ordinary code needs no casts: that this file compiles is half of the test.
import { expect, test } from "vitest";
import { type Tensor, grad, tensor, zeros } from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";
import { adam, evaluate, fit, predict, trainer } from "../../src/optim/index.ts";

const classifier = (): nn.Sequential =>
  nn.sequential([
    nn.conv2d({ filters: 4, kernelSize: 3, inputShape: [8, 8, 1] }),
    nn.maxPool2d(),
    nn.flatten(),
    (x) => x.relu(),
    nn.dense({ units: 2 }),
  ]);
const images = zeros([4, 8, 8, 1]);
const labels = tensor([0, 1, 0, 1], { dtype: "int32" });

test("lists of layers, and what goes through them", () => {
  const layers: nn.Layer[] = [];
  for (const filters of [4, 8])
    layers.push(nn.conv2d({ filters, kernelSize: 3 }), nn.batchNorm(), nn.relu());
  layers.push(nn.globalAveragePool2d(), nn.dense({ units: 2 }));
  nn.sequential(layers, { inputShape: [8, 8, 1] });
  const y: Tensor = layers.reduce((value, layer) => layer.forward(value), images);
  expect(y.shape).toEqual([4, 2]);
  expect(layers.map(({ name }) => name)).toContain("conv2d_1");
  const mixed: nn.AnyLayer[] = [nn.add(), nn.dense({ units: 1 })];
  expect(mixed.length).toBe(2);
});

test("models with one or several inputs and outputs", () => {
  const x = nn.input({ shape: [8, 8, 1] });
  const a = nn.conv2d({ filters: 4, kernelSize: 3, padding: "same" }).apply(x);
  const b = nn.add().apply([a, nn.batchNorm().apply(a)]);
  const one: Tensor = nn.model({ inputs: x, outputs: b }).forward(images);
  const many: readonly Tensor[] = nn.model({ inputs: [x], outputs: [a, b] }).forward([images]);
  expect([one.shape, ...many.map(({ shape }) => shape)]).toEqual([
    [4, 8, 8, 4],
    [4, 8, 8, 4],
    [4, 8, 8, 4],
  ]);
});

test("layers found by name", () => {
  const model = classifier();
  const layer = model.getLayer("conv2d");
  const maps: nn.SymbolicTensor = layer.output;
  const cam = nn.model({ inputs: model.input, outputs: [maps, model.output] });
  const [map, scores] = cam.forward(images);
  expect([map?.shape, scores?.shape]).toEqual([
    [4, 6, 6, 4],
    [4, 2],
  ]);
  const found: nn.SymbolicTensor[] = cam.layers.map(({ output }) => output);
  expect(found.length).toBe(cam.layers.length);
  const kernel: Tensor | undefined = layer instanceof nn.Conv2d ? layer.kernel : undefined;
  expect(kernel?.shape).toEqual([3, 3, 1, 4]);
});

test("trainers, fits and gradients give what they are given", async () => {
  const model = classifier();
  type Batch = { readonly x: Tensor; readonly y: Tensor };
  const t = trainer(
    model,
    (m, batch: Batch, _key, mode) => nn.crossEntropy(m.forward(batch.x, mode), batch.y),
    adam(),
  );
  const loss: number = t.step({ x: images, y: labels });
  const trained: nn.Sequential = t.model;
  const result = await fit(
    trained,
    { x: images, y: labels },
    {
      loss: nn.crossEntropy,
      optimizer: adam(),
      metrics: { accuracy: nn.metrics.accuracy },
    },
  );
  const again: nn.Sequential = result.model;
  const scores: Tensor = predict(again, images);
  const { accuracy } = evaluate(
    again,
    { x: images, y: labels },
    {
      accuracy: nn.metrics.accuracy,
    },
  );
  const gradient = grad((m: nn.Sequential) => m.forward(images).sum())(model);
  expect(loss).toBeGreaterThan(0);
  expect(accuracy).toBe(0.5);
  expect(scores.shape).toEqual([4, 2]);
  expect(gradient.parameters().length).toBe(4);
});
