/** @file Models as ONNX files: run by onnxruntime-node, where there is one, they give what we give. */
import { describe, expect, test } from "vitest";
import { ArgumentError, Tensor, grad, maxPool2d, random, scan, tensor } from "../../src/index.ts";
import {
  type Exportable,
  FormatError,
  type OnnxOptions,
  exportOnnx,
} from "../../src/models/index.ts";
import * as nn from "../../src/nn/index.ts";
import { odeint } from "../../src/ode/index.ts";
import { layerCases } from "../nn/layer-cases.ts";
import { distance, drawn, spread } from "../support/layers.ts";
import { modelCases } from "./model-cases.ts";
import { ort, runInOrt } from "./onnxruntime.ts";

/** The file of a model that takes and gives tensors as they are here. */
const file = (model: Exportable, options: OnnxOptions = {}): Uint8Array =>
  Buffer.concat([...exportOnnx(model, { layout: "nhwc", ...options })]);

const list = (x: Tensor | readonly Tensor[]): readonly Tensor[] =>
  Array.isArray(x) ? (x as readonly Tensor[]) : [x as Tensor];

describe.skipIf(ort === undefined)("onnxruntime-node gives what we give", () => {
  describe("layers", () => {
    for (const [kind, cases] of Object.entries(layerCases))
      for (const [index, { make, sample }] of cases.entries())
        test(`${kind}, case ${index}`, async () => {
          const layer = drawn(make({ inputShape: sample }));
          const x = spread([5, ...sample], "float32");
          const [found] = await runInOrt(file(layer), [x]);
          expect(distance(found!, layer.forward(x))).toBeLessThan(1e-5);
        });
  });

  describe("activations", () => {
    for (const [name, activation] of Object.entries(nn.activations.activations))
      test(name, async () => {
        const x = tensor([-30, -3.5, -1, -0.2, -1e-3, 0, 1e-3, 0.3, 2, 7, 40], { shape: [1, 11] });
        const [found] = await runInOrt(file(activation, { inputs: [{ shape: [11] }] }), [x]);
        expect(distance(found!, activation(x))).toBeLessThan(1e-5);
      });
  });

  describe("models, of any batch", () => {
    for (const [name, { make, samples }] of Object.entries(modelCases))
      test(name, async () => {
        const model = make();
        for (const batch of [1, 4]) {
          const x = samples.map((sample, i) =>
            random.normal(random.key(7 + i), [batch, ...sample]),
          );
          const expected = list(model.forward(samples.length === 1 ? x[0]! : x));
          const found = await runInOrt(file(model), x);
          expect(found).toHaveLength(expected.length);
          for (const [i, tensor] of found.entries())
            expect(distance(tensor, expected[i]!)).toBeLessThan(1e-5);
        }
      });
  });

  test("float64", async () => {
    const model = nn.sequential(
      [
        nn.odeBlock(nn.dense({ units: 3, activation: "tanh" }), { method: "rk4_38", steps: 4 }),
        nn.dense({ units: 2, activation: "sigmoid" }),
      ],
      { inputShape: [3], dtype: "float64", seed: 1 },
    );
    const x = spread([4, 3], "float64");
    const [found] = await runInOrt(file(model), [x]);
    expect(found!.dtype).toBe("float64");
    expect(distance(found!, model.forward(x))).toBeLessThan(1e-13);
  });

  test("channels first", async () => {
    const { make, samples } = modelCases["image to image"]!;
    const model = make();
    const x = random.normal(random.key(1), [2, ...samples[0]!]);
    const [found] = await runInOrt(file(model, { layout: "nchw" }), [x.transpose([0, 3, 1, 2])]);
    const expected = (model.forward(x) as Tensor).transpose([0, 3, 1, 2]);
    expect(distance(found!, expected)).toBeLessThan(1e-5);
  });

  test("functions of everything else: scans, output times inside steps, places, slices, gathers", async () => {
    const f = (x: Tensor): readonly Tensor[] => [
      scan(
        (carry: Tensor, row: Tensor) => [carry.mul(0.5).add(row), carry.mul(2)],
        x.at(0, 1),
        x.transpose([1, 0]),
      )[1],
      odeint((t: Tensor, y: Tensor) => y.mul(t).neg(), x, [0, 0.3, 1], {
        method: "rk4",
        stepSize: 0.25,
      }),
      x.argMax(1),
      x.argMin(1),
      x.flip([1]).cumSum(1),
      x.slice([undefined, 1], [undefined, 6], [undefined, 2]).pad(
        [
          [0, 0, 0],
          [1, 2, 3],
        ],
        0.5,
      ),
      x.take(tensor([3, 0, 9], { dtype: "int32" }), 1),
      x.mul(10).cast("int32").cast("bool"),
      x.mul(10).rem(3),
    ];
    const x = spread([3, 6], "float32");
    const found = await runInOrt(file(f, { inputs: [{ shape: [6] }] }), [x]);
    for (const [i, expected] of f(x).entries())
      expect(distance(found[i]!, expected)).toBeLessThan(1e-5);
  });
});

describe("what cannot be exported says why", () => {
  const inputs = [{ shape: [4] }];

  test("adaptive solves: which method and option would do", () => {
    const model = nn.odeBlock(nn.dense({ units: 2 }), { inputShape: [2] });
    expect(() => exportOnnx(model)).toThrow(ArgumentError);
    expect(() => exportOnnx(model)).toThrow(/fixed steps.*tsit5.*method: "rk4", steps: 20/);
  });

  test("samples that depend on one another, unless the batch is fixed", () => {
    const f = (x: Tensor): Tensor => x.sub(x.mean(0));
    expect(() => exportOnnx(f, { inputs })).toThrow(FormatError);
    expect(() => exportOnnx(f, { inputs })).toThrow(/depends on how many.*batch: 1/);
    expect(file(f, { inputs, batch: 3 }).length).toBeGreaterThan(100);
  });

  test("what only derivatives are made of", () => {
    const f = grad((x: Tensor) => maxPool2d(x).square().sum());
    expect(() => exportOnnx(f, { inputs: [{ shape: [4, 4, 1] }] })).toThrow(/addAtPlaces/);
  });

  test("models that do not know their input", () => {
    expect(() => exportOnnx((x: Tensor) => x)).toThrow(/shape of its input.*inputs: \[/);
    expect(() => exportOnnx(nn.dense({ units: 2 }))).toThrow(/"?dense.* without one/);
  });

  test("more than two gigabytes", () => {
    const kernel = new Tensor({ shape: [2 ** 15, 2 ** 15], dtype: "float32" }, new Float32Array(1));
    const f = (x: Tensor): Tensor => x.matmul(kernel);
    expect(() => exportOnnx(f, { inputs: [{ shape: [2 ** 15] }] })).toThrow(
      /less than 2 GB.*4.29 GB/,
    );
  });

  test("options that are none", () => {
    const model = nn.dense({ units: 2, inputShape: [4] });
    expect(() => exportOnnx(model, { batch: 0 })).toThrow(/positive integer, got 0/);
    expect(() => exportOnnx(model, { layout: "nwhc" as "nhwc" })).toThrow(/"nhwc" or "nchw"/);
    expect(() => exportOnnx(model, { opset: 9 } as object)).toThrow(/options among inputs, batch/);
    const wrong = (): number => 1;
    expect(() => exportOnnx(wrong, { inputs })).toThrow(/a tensor or a list of tensors, got 1/);
  });
});
