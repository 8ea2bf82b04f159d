/** @file TensorFlow.js' layers models: topologies, shards, quantisation, and what is wrong with them. */
import { describe, expect, test } from "vitest";
import { tensor } from "../../src/index.ts";
import { FormatError, loadModel } from "../../src/models/index.ts";

/** A model.json and its shard as files that belong together. */
function files(root: object, shard: Uint8Array): File[] {
  return [new File([JSON.stringify(root)], "model.json"), new File([shard as BlobPart], "w.bin")];
}

const topology = {
  model_config: {
    class_name: "Sequential",
    config: [
      {
        class_name: "Dense",
        config: { name: "d", units: 2, batch_input_shape: [null, 3], activation: "linear" },
      },
    ],
  },
};
const entry = (name: string, shape: number[], more: object = {}): object => ({
  name,
  shape,
  dtype: "float32",
  ...more,
});
const manifest = (weights: object[]): object[] => [{ paths: ["w.bin"], weights }];

describe("quantisation", () => {
  test.each([
    ["uint8", new Uint8Array([0, 1, 2, 3, 4, 255, 10, 20])],
    ["uint16", new Uint8Array(new Uint16Array([0, 1, 2, 3, 4, 65535, 10, 20]).buffer)],
  ])("%s is stored * scale + min", async (dtype, shard) => {
    const quantization = { dtype, scale: 0.5, min: -1 };
    const model = await loadModel(
      files(
        {
          modelTopology: topology,
          weightsManifest: manifest([
            entry("d/kernel", [3, 2], { quantization }),
            entry("d/bias", [2], { quantization }),
          ]),
        },
        shard,
      ),
    );
    const last = dtype === "uint8" ? 255 : 65535;
    expect(model.forward(tensor([[1, 0, 0]])).toArray()).toEqual([[-1 + 4, -0.5 + 9]]);
    expect(model.forward(tensor([[0, 0, 1]])).toArray()).toEqual([[1 + 4, last / 2 - 1 + 9]]);
  });

  test("float16 is what its bits say", async () => {
    // 1, -2, 65504, 2^-24, 2^-14, infinity; 0.333251953125, -0
    const bits = [0x3c00, 0xc000, 0x7bff, 0x0001, 0x0400, 0x7c00, 0x3555, 0x8000];
    const quantization = { dtype: "float16" };
    const model = await loadModel(
      files(
        {
          modelTopology: topology,
          weightsManifest: manifest([
            entry("d/kernel", [3, 2], { quantization }),
            entry("d/bias", [2], { quantization }),
          ]),
        },
        new Uint8Array(new Uint16Array(bits).buffer),
      ),
    );
    const [kernel, bias] = model.parameters();
    expect([...kernel!.data()]).toEqual([1, -2, 65504, 2 ** -24, 2 ** -14, Infinity]);
    expect([...bias!.data()]).toEqual([0.333251953125, -0]);
  });
});

describe("what is wrong is named", () => {
  const shard = new Uint8Array(32);
  const whole = manifest([entry("d/kernel", [3, 2]), entry("d/bias", [2])]);
  const load = (root: object, bytes = shard): Promise<unknown> => loadModel(files(root, bytes));

  test.each([
    [
      "a shard that ends early",
      () => load({ modelTopology: topology, weightsManifest: whole }, new Uint8Array(31)),
      /weightsManifest\[0\]: expected 32 bytes or more in w.bin, got 31.*truncated/,
    ],
    [
      "another shape",
      () =>
        load({
          modelTopology: topology,
          weightsManifest: manifest([entry("d/kernel", [2, 3]), entry("d/bias", [2])]),
        }),
      /dense "d": kernel: expected shape \[3, 2\], got \[2, 3\] \(d\/kernel\)/,
    ],
    [
      "a missing array",
      () =>
        load({ modelTopology: topology, weightsManifest: manifest([entry("d/kernel", [3, 2])]) }),
      /expected arrays for all 2 parameters, got none for dense "d": bias/,
    ],
    [
      "an array too many",
      () =>
        load({
          modelTopology: topology,
          weightsManifest: manifest([
            entry("d/kernel", [3, 2]),
            entry("d/bias", [2]),
            entry("e/bias", [2]),
          ]),
        }),
      /got also e\/bias/,
    ],
    [
      "weights alone",
      () => load({ modelTopology: null, weightsManifest: whole }),
      /expected a network with its layers, got parameters alone.*loadModel\(file, \{ topology \}\)/,
    ],
    [
      "a topology alone",
      () => load({ modelTopology: topology, weightsManifest: undefined }),
      /layers alone.*loadModel\(file, \{ weights \}\)|class_name/,
    ],
    [
      "a shard elsewhere",
      () =>
        load({
          modelTopology: topology,
          weightsManifest: [
            { paths: ["../w.bin"], weights: [entry("d/kernel", [3, 2]), entry("d/bias", [2])] },
          ],
        }),
      /expected names of files in its own folder, got "\.\.\/w\.bin"/,
    ],
    [
      "a size that cannot be",
      () =>
        load({
          modelTopology: topology,
          weightsManifest: manifest([entry("d/kernel", [2 ** 40, 2 ** 40]), entry("d/bias", [2])]),
        }),
      /"d\/kernel": shape: expected a shape/,
    ],
    [
      "a graph model",
      () => load({ format: "graph-model", modelTopology: {}, weightsManifest: whole }),
      /expected a layers model, got a graph model/,
    ],
  ])("%s", async (_, attempt, message) => {
    await expect(attempt()).rejects.toThrow(FormatError);
    await expect(attempt()).rejects.toThrow(message);
  });
});

describe("several shards", () => {
  const weights = [entry("d/kernel", [3, 2]), entry("d/bias", [2])];
  const bytes = new Uint8Array(new Float32Array([1, 2, 3, 4, 5, 6, 7, 8]).buffer);

  test.each([1, 3, 5, 11, 31])("of %i bytes each, cut through arrays and numbers", async (size) => {
    const shards = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => ({
      name: `s${index}.bin`,
      part: bytes.slice(index * size, (index + 1) * size),
    }));
    const paths = shards.map(({ name }) => name);
    const root = { modelTopology: topology, weightsManifest: [{ paths, weights }] };
    const model = await loadModel([
      new File([JSON.stringify(root)], "model.json"),
      ...shards.map(({ name, part }) => new File([part as BlobPart], name)),
    ]);
    expect(model.parameters().map((parameter) => [...parameter.data()])).toEqual([
      [1, 2, 3, 4, 5, 6],
      [7, 8],
    ]);
  });

  test("claims of gigabytes that no shard has take no memory", async () => {
    const huge = {
      class_name: "Sequential",
      config: [
        {
          class_name: "Dense",
          config: {
            name: "d",
            units: 2 ** 16,
            use_bias: false,
            batch_input_shape: [null, 2 ** 15],
          },
        },
      ],
    };
    const before = process.memoryUsage().arrayBuffers;
    const loading = loadModel(
      files(
        { modelTopology: huge, weightsManifest: manifest([entry("d/kernel", [2 ** 15, 2 ** 16])]) },
        new Uint8Array(64),
      ),
    );
    await expect(loading).rejects.toThrow(/expected 8589934592 bytes or more in w.bin, got 64/);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1e7);
  });
});
