// Summaries against Keras' own text, byte for byte (test/golden/summary-*.txt; the models are those of make-layers.py).
import { describe, expect, test } from "vitest";
import * as nn from "../../src/nn/index.ts";
import { goldenSummary } from "../support/keras-golden.ts";

const models = {
  example: () =>
    nn.sequential([nn.conv2d({ filters: 10, kernelSize: 5, inputShape: [200, 200, 3] })]),
  small: () =>
    nn.sequential(
      [
        nn.conv2d({ filters: 8, kernelSize: 3, activation: "relu", inputShape: [28, 28, 1] }),
        nn.batchNorm(),
        nn.maxPool2d(),
        nn.conv2d({ filters: 16, kernelSize: 3, padding: "same", useBias: false, name: "second" }),
        nn.activation({ activation: "relu" }),
        nn.globalAveragePool2d(),
        nn.dropout({ rate: 0.5 }),
        nn.dense({
          units: 10,
          activation: "softmax",
          name: "predictions_of_a_layer_with_a_rather_long_name",
        }),
      ],
      { name: "small" },
    ),
  residual: () => {
    const inputs = nn.input({ shape: [32, 32, 3], name: "image" });
    const y = nn
      .conv2d({ filters: 16, kernelSize: 3, padding: "same", name: "stem" })
      .apply(inputs);
    let z = nn.batchNorm({ name: "norm" }).apply(y);
    z = nn.relu({ name: "relu" }).apply(z);
    z = nn.depthwiseConv2d({ kernelSize: 3, padding: "same", name: "depthwise" }).apply(z);
    z = nn.add({ name: "sum" }).apply([y, z]);
    z = nn.concatenate({ name: "both" }).apply([z, y]);
    z = nn.globalAveragePool2d({ name: "pool" }).apply(z);
    const outputs = nn.dense({ units: 1000, name: "logits" }).apply(z);
    return nn.model({ inputs, outputs, name: "residual" });
  },
  twins: () => {
    const left = nn.input({ shape: [8], name: "left" });
    const right = nn.input({ shape: [8], name: "right" });
    const shared = nn.dense({ units: 6, activation: "relu", name: "shared" });
    const [a, b] = [shared.apply(left), shared.apply(right)];
    const both = nn.concatenate({ name: "joined" }).apply([a, b]);
    return nn.model({
      inputs: [left, right],
      outputs: [
        nn.dense({ units: 3, name: "kind" }).apply(both),
        nn.dense({ units: 1, name: "size" }).apply(both),
      ],
      name: "twins",
    });
  },
  nested: () => {
    const body = nn.sequential(
      [
        nn.conv2d({ filters: 6, kernelSize: 3, name: "inner_conv", inputShape: [14, 14, 4] }),
        nn.batchNorm({ name: "inner_norm" }),
      ],
      { name: "body" },
    );
    const inputs = nn.input({ shape: [28, 28, 1], name: "picture" });
    const stem = nn.conv2d({
      filters: 4,
      kernelSize: 3,
      strides: 2,
      padding: "same",
      name: "stem",
    });
    const y = body.apply(stem.apply(inputs));
    const outputs = nn
      .dense({ units: 2, name: "out" })
      .apply(nn.flatten({ name: "flat" }).apply(y));
    return nn.model({ inputs, outputs, name: "outer" });
  },
};

/** Keras ends the last line. */
const golden = (name: string): string => goldenSummary(name).replace(/\n$/, "");

/** Keras on TensorFlow keeps Normalization's count in 8 bytes, on JAX in 4, as here. */
const withSmallCount = (text: string): string =>
  text.replace("(480.00 B)", "(476.00 B)").replace("(32.00 B)", "(28.00 B)");

describe("summaries", () => {
  for (const [name, make] of Object.entries(models)) {
    test(`${name} in Keras' own width`, () => {
      expect(make().summary()).toBe(golden(`${name}-wide`));
    });
    test(`${name} in a terminal of 80 columns`, () => {
      expect(make().summary({ lineLength: 76 })).toBe(golden(name));
    });
  }
  test("models within models", () => {
    expect(models.nested().summary({ lineLength: 76, expandNested: true })).toBe(
      golden("nested-expanded"),
    );
  });
  test("layers that are not trained", () => {
    const model = models.small();
    (model.layers[0] as nn.AnyLayer).trainable = false;
    expect(model.summary({ lineLength: 76, showTrainable: true })).toBe(golden("frozen"));
  });
  test("normalization by found statistics has variables, by given ones none", () => {
    const model = nn.sequential(
      [
        nn.rescaling({ scale: 1 / 255, inputShape: [8, 8, 3] }),
        nn.normalization(),
        nn.normalization({ mean: [0.5, 0.4, 0.3], variance: [1, 2, 3] }),
        nn.conv2d({ filters: 4, kernelSize: 3 }),
      ],
      { name: "prepared" },
    );
    expect(model.summary()).toBe(withSmallCount(golden("prepared-wide")));
    expect(model.summary({ lineLength: 76 })).toBe(withSmallCount(golden("prepared")));
  });
  test("a width of one's own", () => {
    expect(models.residual().summary({ lineLength: 130 })).toBe(golden("residual-130"));
  });
});
