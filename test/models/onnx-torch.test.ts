/** @file Networks like torchvision's, as PyTorch exports them: what they give, how they are named, and their derivatives. */
import { readFileSync } from "node:fs";
import { inflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { type Tensor, checkGrad, jit, tensor } from "../../src/index.ts";
import { type LoadedModel, encodeModel, loadModel } from "../../src/models/index.ts";

interface Golden {
  readonly name: string;
  /** [N, C, H, W] */
  readonly input: readonly number[];
  readonly logits: readonly (readonly number[])[];
  /** The file, deflated, in base64. */
  readonly model: string;
}

const { networks } = JSON.parse(
  readFileSync(new URL("../golden/onnx-torch.json", import.meta.url), "utf8"),
) as { readonly networks: readonly Golden[] };

const load = ({ model }: Golden): Promise<LoadedModel> =>
  loadModel(new Uint8Array(inflateSync(Buffer.from(model, "base64"))));

/** The input of test/golden/make-onnx-torch.py, channels last. */
function images({ input: shape, name }: Golden): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  const data = Float32Array.from({ length: size }, (_, i) =>
    Math.fround((((7919 * i) % 1009) / 1009) * 4 - 2),
  );
  const x = tensor(data, { shape: [...shape] }).transpose([0, 2, 3, 1]);
  return name.endsWith("float64") ? x.cast("float64") : x;
}

function distance(found: Tensor, expected: readonly (readonly number[])[]): number {
  const values = expected.flat();
  expect(found.shape).toEqual([expected.length, expected[0]!.length]);
  const worst = Math.max(...values.map((value, i) => Math.abs(found.data()[i]! - value)));
  return worst / Math.max(...values.map(Math.abs));
}

describe.each(networks.map((golden) => [golden.name, golden] as const))("%s", (name, golden) => {
  test("gives what onnxruntime gives", async () => {
    const model = await load(golden);
    const [, c, h, w] = golden.input;
    expect(model.inputShape).toEqual([h, w, c]);
    const run = jit((x: Tensor) => model.forward(x));
    expect(distance(run(images(golden)), golden.logits)).toBeLessThan(
      name.endsWith("float64") ? 1e-10 : 1e-4,
    );
    // Any batch, whatever the file was made with.
    expect(distance(run(images(golden).slice([0], [1])), [golden.logits[0]!])).toBeLessThan(1e-4);
  });

  test("is the same after having been saved, in both formats", async () => {
    const model = await load(golden);
    const expected = model.forward(images(golden)).data();
    for (const format of ["safetensors", "onnx"]) {
      const again = await loadModel(encodeModel(model, format));
      const found = again.forward(images(golden)).data();
      const worst = Math.max(...expected.map((value, i) => Math.abs(found[i]! - value)));
      expect(worst).toBeLessThan(format === "onnx" ? 1e-5 : 1e-30);
    }
  });
});

test("layers are found by their nodes and by the values they make", async () => {
  const model = await load(networks.find(({ name }) => name === "resnet")!);
  const layer = model.getLayer("/layers/layers.0/conv2/Conv");
  expect(layer.kind).toBe("conv2d");
  expect(model.getLayer("/layers/layers.0/conv2/Conv_output_0")).toBe(layer);
  expect(model.getLayer("logits").kind).toBe("dense");
  // Flattening a pooled image takes no layer: its names belong to the pooling.
  expect(model.getLayer("/Flatten").kind).toBe("globalAveragePool2d");
});

test("derivatives are those of finite differences", async () => {
  const golden = networks.find(({ name }) => name.endsWith("float64"))!;
  const model = await load(golden);
  checkGrad(
    (net: LoadedModel, x: Tensor) => net.forward(x),
    [model, images(golden).slice([0], [1])],
    { step: 1e-5, maxElements: 6 },
  );
});
