/** @file Networks that others trained and published: they load by their own topology, and compute what Keras and TensorFlow.js do. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type Tensor, jit } from "../../src/index.ts";
import { decodeImage, loadModel, preprocess } from "../../src/models/index.ts";
import * as nn from "../../src/nn/index.ts";
import { gunzip, readIdx } from "../../src/optim/index.ts";
import { type Drawing, drawn, expectClose } from "../support/keras-golden.ts";
import { describeWithData, testData } from "../support/test-data.ts";

interface Golden {
  readonly input: Drawing;
  readonly output: readonly number[];
}

function golden(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../golden/${name}`, import.meta.url), "utf8"));
}

const cases = {
  ...(golden("models.json") as { published: Record<string, Golden> }).published,
  ...(golden("models-tfjs.json") as Record<string, Golden>),
};

describeWithData("published networks", () => {
  test.each(Object.entries(cases))("%s", async (path, { input, output }) => {
    const model = await loadModel(testData("models", path));
    expectClose(path, model.forward(drawn(input, "float32")), output, 1e-5);
  });

  test("from URLs too", async () => {
    const url = new URL(`file://${testData("models", "tiny-vgg", "model.json")}`);
    expect((await loadModel(url)).parameterCount).toBe(19_920);
  });
});

describeWithData("MobileNet of an alpha of 0.25", () => {
  /** Howard et al. 2017, table 1, with a quarter of the channels. */
  function mobilenet(): nn.Sequential {
    const convolution = (
      name: string,
      filters: number,
      strides: number,
      kernelSize = 3,
    ): nn.Layer[] => [
      nn.conv2d({ name, filters, kernelSize, strides, padding: "same", useBias: false }),
      nn.batchNorm({ name: `${name}_bn` }),
      nn.relu({ maxValue: 6 }),
    ];
    const blocks = [64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024];
    const halved = [2, 4, 6, 12];
    return nn.sequential(
      [
        ...convolution("conv1", 8, 2),
        ...blocks.flatMap((channels, index) => {
          const strides = halved.includes(index + 1) ? 2 : 1;
          const name = `conv_dw_${index + 1}`;
          return [
            nn.depthwiseConv2d({ name, kernelSize: 3, strides, padding: "same", useBias: false }),
            nn.batchNorm({ name: `${name}_bn` }),
            nn.relu({ maxValue: 6 }),
            ...convolution(`conv_pw_${index + 1}`, channels / 4, 1, 1),
          ];
        }),
        nn.globalAveragePool2d({ keepDims: true }),
        nn.conv2d({ name: "conv_preds", filters: 1000, kernelSize: 1 }),
        nn.flatten(),
      ],
      { inputShape: [224, 224, 3] },
    );
  }

  test("reproduces the logits and the five best of a kitten", async () => {
    const expected = (
      JSON.parse(readFileSync(testData("golden", "mobilenet_kitten.json"), "utf8")) as Record<
        string,
        { top5: [number, string, number][]; logits_first8: number[]; logit: number; class: number }
      >
    )["kitten_224.png"]!;
    const model = await loadModel(testData("models", "mobilenet-v1-0.25-224", "model.json"), {
      topology: mobilenet(),
    });
    expect(model.parameterCount).toBe(475_544);
    const kitten = decodeImage(readFileSync(testData("photos", "kitten_224.png")));
    const logits = model.forward(preprocess(kitten, { mode: "tf", size: 224 }));
    const values = logits.data();
    const scale = Math.max(...values.map(Math.abs));
    const all = [...expected.logits_first8.entries(), [expected.class, expected.logit] as const];
    for (const [index, logit] of all)
      expect(Math.abs(values[index]! - logit) / scale, `logit ${index}`).toBeLessThan(1e-3);
    const best = [...values.keys()].toSorted((a, b) => values[b]! - values[a]!).slice(0, 5);
    expect(best).toEqual(expected.top5.map(([index]) => index));
    const probabilities = logits.softmax().data();
    for (const [index, , probability] of expected.top5)
      expect(probabilities[index]).toBeCloseTo(probability, 3);
  });
});

describeWithData("the digits of MNIST", () => {
  test("are recognised by more than 98%", async () => {
    const model = await loadModel(testData("models", "mnist-tfjs", "model.json"));
    const read = async (name: string): Promise<Tensor> =>
      readIdx(await gunzip(readFileSync(testData("mnist", name))));
    const [images, labels] = [
      await read("t10k-images-idx3-ubyte.gz"),
      await read("t10k-labels-idx1-ubyte.gz"),
    ];
    // All of them where there is time (99.66%), some in every run.
    const count = process.env["ADJOINT_TEST_LONG"] === undefined ? 500 : 10_000;
    const forward = jit((x: Tensor) => model.forward(x).argMax(-1));
    let right = 0;
    for (let from = 0; from < count; from += 500) {
      const batch = images
        .slice([from], [from + 500])
        .cast("float32")
        .div(255);
      const found = forward(batch.reshape([500, 28, 28, 1])).data();
      const wanted = labels.slice([from], [from + 500]).data();
      right += [...found].filter((digit, index) => digit === wanted[index]).length;
    }
    expect(right / count).toBeGreaterThan(0.98);
  });
});
