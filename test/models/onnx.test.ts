/** @file Published ONNX models: their layers, names and numbers. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type Tensor, jit, tensor } from "../../src/index.ts";
import { decodeImage, encodeModel, loadModel, preprocess } from "../../src/models/index.ts";
import * as nn from "../../src/nn/index.ts";
import { gunzip, readIdx } from "../../src/optim/index.ts";
import { describeWithData, testData } from "../support/test-data.ts";

const squeezeNet = testData("models", "squeezenet-1.1", "model.onnx");
const mnist = testData("models", "mnist-onnx", "model.onnx");

describeWithData("SqueezeNet 1.1 of Caffe2, in float16", () => {
  test("sees the kitten as onnxruntime does", async () => {
    const model = (await loadModel(squeezeNet)) as nn.Model<Tensor, Tensor>;
    expect(model.parameterCount).toBe(1_235_496);
    expect(model.outputShape).toEqual([1000]);
    const golden = JSON.parse(readFileSync(testData("golden", "squeezenet_kitten.json"), "utf8"))[
      "kitten_224.png"
    ];
    const picture = decodeImage(readFileSync(testData("photos", "kitten_224.png")));
    const image = preprocess(picture, { mode: "raw-bgr" });
    const parts = nn.model({
      inputs: model.inputs,
      outputs: ["conv1_1", "fire9/concat_1", "pool10_1", "softmaxout_1"].map((name) =>
        model.outputOf(name),
      ),
    });
    const [conv1, fire9, logits, probabilities] = jit((x: Tensor) => parts.forward([x]))(image);
    const relative = (found: number, expected: number): number =>
      Math.abs(found - expected) / Math.abs(expected);
    expect(relative(conv1!.cast("float64").sum().item(), golden.conv1_1_sum)).toBeLessThan(1e-3);
    expect(fire9!.shape).toEqual([1, 13, 13, 512]);
    expect(relative(fire9!.cast("float64").sum().item(), golden.fire9_concat_sum)).toBeLessThan(
      1e-3,
    );
    for (const [index, expected] of (golden.logits_first8 as number[]).entries())
      expect(relative(logits!.data()[index]!, expected)).toBeLessThan(1e-3);
    expect(relative(logits!.data()[golden.class]!, golden.logit)).toBeLessThan(1e-3);
    const ranked = [...probabilities!.data()]
      .map((probability, index) => ({ probability, index }))
      .toSorted((a, b) => b.probability - a.probability);
    for (const [place, [index, , probability]] of golden.top5.entries()) {
      expect(ranked[place]!.index).toBe(index);
      expect(relative(ranked[place]!.probability, probability)).toBeLessThan(1e-2);
    }
  });

  test("is a network like any other: it has a summary, and survives being saved", async () => {
    const model = await loadModel(squeezeNet);
    expect(model.summary()).toContain("fire9/concat_1 (Concatenate)");
    const again = await loadModel(await encodeModel(model, "safetensors"));
    const image = tensor(
      Float32Array.from({ length: 224 * 224 * 3 }, (_, i) => (i * 37) % 256),
      {
        shape: [1, 224, 224, 3],
      },
    );
    expect(again.forward(image).data()).toEqual(model.forward(image).data());
  });
});

const digitFile = async (name: string): Promise<Tensor> =>
  readIdx(await gunzip(readFileSync(testData("mnist", name))));

describeWithData("the MNIST network of CNTK", () => {
  test("gives what onnxruntime gives", async () => {
    const { outputs } = JSON.parse(
      readFileSync(new URL("../golden/onnx-mnist.json", import.meta.url), "utf8"),
    ) as { readonly outputs: readonly (readonly number[])[] };
    const model = await loadModel(mnist);
    const images = await digitFile("t10k-images-idx3-ubyte.gz");
    const batch = images.slice([0], [outputs.length]).cast("float32").expandDims(-1);
    const found = model.forward(batch).data();
    // Of pixels from 0 to 255 it makes logits of thousands: single ones may be small differences of these.
    const largest = Math.max(...outputs.flat().map(Math.abs));
    for (const [i, expected] of outputs.flat().entries())
      expect(Math.abs(found[i]! - expected) / largest).toBeLessThan(1e-6);
  });

  test("reads digits", async () => {
    const model = await loadModel(mnist);
    expect([model.inputShape, model.outputShape]).toEqual([[28, 28, 1], [10]]);
    const images = await digitFile("t10k-images-idx3-ubyte.gz");
    const labels = await digitFile("t10k-labels-idx1-ubyte.gz");
    const run = jit((x: Tensor, digits: Tensor) =>
      model.forward(x).argMax(1).equal(digits).cast("int32").sum(),
    );
    let right = 0;
    for (let start = 0; start < 10_000; start += 1000) {
      const part = (of: Tensor): Tensor => of.slice([start], [start + 1000]);
      const batch = part(images).cast("float32").expandDims(-1);
      right += run(batch, part(labels).cast("int32")).item();
    }
    expect(right / 10_000).toBeGreaterThan(0.98);
  });
});
