/** @file Explanations of networks that others published, loaded from their files. */
import { readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { type Explanation, gradCam, hiResCam } from "../../src/explain/index.ts";
import { type Tensor, random } from "../../src/index.ts";
import {
  type LoadedModel,
  loadImage,
  loadModel,
  mobilenet,
  preprocess,
} from "../../src/models/index.ts";
import { describeWithData, testData } from "../support/test-data.ts";

type Kitten = Readonly<Record<string, readonly number[]>> & {
  readonly class: number;
  readonly logit: number;
};

/** Computed with onnxruntime and numpy. */
function goldenOf(name: string): Kitten {
  const text = readFileSync(testData("golden", `${name}_kitten.json`), "utf8");
  return (JSON.parse(text) as Record<string, Kitten>)["kitten_224.png"]!;
}

function expectMap(found: Explanation, expected: readonly number[]): void {
  const range = Math.max(...expected) - Math.min(...expected);
  expect(found.values.length).toBe(expected.length);
  const worst = Math.max(...expected.map((value, i) => Math.abs(value - found.values[i]!)));
  expect(worst / range).toBeLessThan(1e-4);
}

const squeezenet = (): Promise<LoadedModel> =>
  loadModel(testData("models", "squeezenet-1.1", "model.onnx"));

describeWithData("the kitten", () => {
  let kitten: Awaited<ReturnType<typeof loadImage>>;
  beforeAll(async () => {
    kitten = await loadImage(testData("photos", "kitten_224.png"));
  });

  test("on SqueezeNet, by logit and by probability", async () => {
    const golden = goldenOf("squeezenet");
    const model = await squeezenet();
    const image = preprocess(kitten, { mode: "raw-bgr" });
    const options = { layer: "fire9/concat_1", relu: false } as const;
    const found = gradCam(model, image, options);
    expect(found.classIndex).toBe(golden.class);
    expect(Math.abs(found.scoreValue - golden.logit)).toBeLessThan(1e-3);
    expectMap(found, golden["gradcam_logit_preReLU"]!);
    expectMap(hiResCam(model, image, options), golden["hirescam_logit_preReLU"]!);
    const byProbability = gradCam(model, image, { ...options, score: "probability" });
    expectMap(byProbability, golden["gradcam_softmax_preReLU"]!);
  });

  test("on MobileNet, by logit and by probability", async () => {
    const golden = goldenOf("mobilenet");
    const model = await loadModel(testData("models", "mobilenet-v1-0.25-224", "model.json"), {
      topology: mobilenet({ alpha: 0.25 }),
    });
    const image = preprocess(kitten, { mode: "tf" });
    const found = gradCam(model, image, { relu: false });
    expect([found.layer, found.classIndex]).toEqual(["conv_pw_13_relu", golden.class]);
    expect(Math.abs(found.scoreValue - golden.logit)).toBeLessThan(1e-3);
    expectMap(found, golden["cam_logit_preReLU_7x7"]!);
    const byProbability = gradCam(model, image, { relu: false, score: "probability" });
    expectMap(byProbability, golden["cam_softmax_preReLU_7x7"]!);
  });
});

describeWithData("every network of the test data can be explained", () => {
  test.each([
    ["tiny-vgg", "model.json", "max_pool_2", 10],
    ["cifar10-resnet8", "model.h5", undefined, 10],
    ["fer-mini-xception", "model.hdf5", undefined, 7],
    ["mnist-onnx", "model.onnx", undefined, 10],
    ["mnist-tfjs", "model.json", undefined, 10],
  ])("%s", async (name, file, layer, classes) => {
    const model = await loadModel(testData("models", name, file));
    const shape = model.inputShape as readonly number[];
    const image: Tensor = random.uniform(random.key(1), shape);
    const found = gradCam(model, image, { relu: false });
    if (layer !== undefined) expect(found.layer).toBe(layer);
    expect(found.probabilities).toHaveLength(classes);
    const total = found.probabilities!.reduce((sum, p) => sum + p);
    expect(total).toBeCloseTo(1, 4);
    expect(new Set(found.values).size).toBeGreaterThan(2);
    const given = model.forward(image.expandDims(0)) as Tensor;
    const top = given.flatten().argMax().item();
    expect(found.classIndex).toBe(top);
  });
});
