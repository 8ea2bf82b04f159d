/** @file What exported ONNX files are made of, and that they come back as the same networks. */
import * as nn from "../../src/nn/index.ts";
import { describe, expect, test } from "vitest";
import { type Tensor, random } from "../../src/index.ts";
import { readFile } from "../../src/models/formats/onnx/read/file.ts";
import { bytesSource } from "../../src/models/source.ts";
import {
  type Exportable,
  type OnnxOptions,
  exportOnnx,
  loadModel,
} from "../../src/models/index.ts";
import { distance } from "../support/layers.ts";
import { modelCases } from "./model-cases.ts";

const file = (model: Exportable, options?: OnnxOptions): Uint8Array =>
  Buffer.concat([...exportOnnx(model, options)]);

const read = (model: Exportable, options?: OnnxOptions): ReturnType<typeof readFile> =>
  readFile(bytesSource(file(model, options)));

/** How often each operator stands in a file. */
async function counts(model: Exportable, options?: OnnxOptions): Promise<Record<string, number>> {
  const result: Record<string, number> = {};
  for (const { operator } of (await read(model, options)).nodes)
    result[operator] = (result[operator] ?? 0) + 1;
  return result;
}

const made = (name: string): Exportable => modelCases[name]!.make();

describe("one operator for as much as it stands for, and no transpositions", () => {
  test.each<[string, Record<string, number>]>([
    ["vgg", { Conv: 3, Relu: 4, MaxPool: 2, Flatten: 1, Gemm: 2, Softmax: 1 }],
    [
      "resnet",
      {
        Pad: 1,
        Conv: 6,
        BatchNormalization: 6,
        Relu: 5,
        MaxPool: 1,
        Add: 2,
        GlobalAveragePool: 1,
        Flatten: 1,
        Gemm: 1,
        Softmax: 1,
      },
    ],
    [
      "mobilenet",
      {
        Conv: 4,
        BatchNormalization: 4,
        Clip: 3,
        Add: 1,
        GlobalAveragePool: 1,
        Flatten: 1,
        Gemm: 1,
        Softmax: 1,
      },
    ],
    [
      "efficientnet",
      {
        Mul: 4,
        Sub: 1,
        Div: 1,
        Conv: 3,
        BatchNormalization: 1,
        Sigmoid: 3,
        GlobalAveragePool: 2,
        Flatten: 1,
        Gemm: 1,
        Softmax: 1,
      },
    ],
    [
      "densenet",
      {
        Conv: 4,
        BatchNormalization: 2,
        Relu: 2,
        Concat: 2,
        AveragePool: 1,
        GlobalAveragePool: 1,
        Flatten: 1,
        Gemm: 1,
        Softmax: 1,
      },
    ],
  ])("%s", async (name, expected) => {
    expect(await counts(made(name))).toEqual(expected);
    // Images as they lie here are turned once, at the beginning.
    expect(await counts(made(name), { layout: "nhwc" })).toEqual({ ...expected, Transpose: 1 });
  });

  test("a solve: its evaluations, and sums", async () => {
    const { Gemm, Tanh } = await counts(made("ODE of features"));
    expect({ Gemm, Tanh }).toEqual({ Gemm: 2 * 4 * 3 + 1, Tanh: 4 * 3 });
  });
});

describe("names and shapes", () => {
  test("tensors, nodes and parameters are called after layers", async () => {
    const { nodes, initializers, inputs, outputs } = await read(made("nested"));
    const node = (name: string): string | undefined =>
      nodes.find((node) => node.name === name && node.outputs[0] === name)?.operator;
    expect(node("backbone/conv2d")).toBe("Conv");
    expect(node("backbone/re_lu")).toBe("Relu");
    expect(node("lambda")).toBe("Sin");
    expect(node("dense")).toBe("Gemm");
    expect(initializers.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["backbone/conv2d/kernel", "dense/kernel", "dense/bias"]),
    );
    expect(inputs.map(({ name }) => name)).toEqual(["input"]);
    expect(outputs.map(({ name }) => name)).toEqual(["dense"]);
  });

  test("the batch is open, unless it is given", async () => {
    const ports = async (options?: OnnxOptions): Promise<unknown> => {
      const { inputs, outputs } = await read(made("resnet"), options);
      return [...inputs, ...outputs].map(({ dims, parameters }) => [dims, parameters]);
    };
    expect(await ports()).toEqual([
      [[undefined, 3, 18, 18], ["batch"]],
      [[undefined, 5], ["batch"]],
    ]);
    expect(await ports({ batch: 4, layout: "nhwc" })).toEqual([
      [[4, 18, 18, 3], []],
      [[4, 5], []],
    ]);
  });

  test("shared layers have one set of parameters", async () => {
    const { initializers } = await read(made("two inputs, two outputs, a shared layer"));
    const own = initializers.filter(({ name }) => name.startsWith("shared/"));
    expect(own.map(({ name }) => name).toSorted()).toEqual(["shared/bias", "shared/kernel"]);
  });
});

describe("files come back as the same networks", () => {
  const names = [
    "vgg",
    "resnet",
    "mobilenet",
    "efficientnet",
    "densenet",
    "inception",
    "image to image",
    "ODE of features",
    "two inputs, two outputs, a shared layer",
  ];
  test.each(names)("%s", async (name) => {
    const { make, samples } = modelCases[name]!;
    const model = make();
    const again = (await loadModel(file(model))) as nn.AnyLayer;
    const x = samples.map((sample, i) => random.normal(random.key(i), [3, ...sample]));
    const given = x.length === 1 ? x[0]! : x;
    const list = (result: Tensor | Tensor[]): Tensor[] => [result].flat() as Tensor[];
    const expected = list(model.forward(given));
    for (const [i, found] of list(again.forward(given)).entries())
      expect(distance(found, expected[i]!)).toBeLessThan(1e-6);
  });
});

test("a variance is two means", async () => {
  const model = (x: Tensor): Tensor => x.variance(1);
  const inputs = [{ shape: [4, 3] }];
  const { ReduceMean, ReduceSum, Div } = await counts(model, { inputs });
  expect({ ReduceMean, ReduceSum, Div }).toEqual({
    ReduceMean: 2,
    ReduceSum: undefined,
    Div: undefined,
  });
});
