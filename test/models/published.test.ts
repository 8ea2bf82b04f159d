/** @file Networks that others trained and published: they load by their own topology, and compute what Keras and TensorFlow.js do. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { loadModel } from "../../src/models/index.ts";
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
