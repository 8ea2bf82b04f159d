/** @file Networks that others trained and published: they load by their own topology. */
import { expect, test } from "vitest";
import { loadModel } from "../../src/models/index.ts";
import { describeWithData, testData } from "../support/test-data.ts";

describeWithData("published networks load by their own topology", () => {
  test.each([
    ["tiny-vgg/model.json", 19_920, [10]],
    ["mnist-tfjs/model.json", 887_530, [10]],
    ["cifar10-resnet8/model.h5", 78_666, [10]],
    ["fer-mini-xception/model.hdf5", 58_423, [7]],
  ])("%s", async (path, parameters, outputShape) => {
    const model = await loadModel(testData("models", path));
    expect(model.parameterCount).toBe(parameters);
    expect(model.outputShape).toEqual(outputShape);
  });
});
