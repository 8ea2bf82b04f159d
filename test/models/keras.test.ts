/** @file Networks in Keras' own files: .keras, .h5, weights alone; compared with what Keras computes. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { Tensor } from "../../src/index.ts";
import {
  FormatError,
  type LoadOptions,
  type LoadedModel,
  encodeModel,
  loadModel,
} from "../../src/models/index.ts";
import { type Drawing, drawn, expectClose } from "../support/keras-golden.ts";

const folder = new URL("../golden/", import.meta.url);
const golden = JSON.parse(readFileSync(new URL("models.json", folder), "utf8")) as {
  readonly own: Readonly<
    Record<
      string,
      {
        readonly inputs: readonly Drawing[];
        readonly outputs: readonly (readonly number[])[];
        readonly parameters: number;
      }
    >
  >;
};

/** A file that Keras wrote. */
function file(name: string): Uint8Array {
  return new Uint8Array(gunzipSync(readFileSync(new URL(`keras/${name}.gz`, folder))));
}

const load = (name: string, options?: LoadOptions): Promise<LoadedModel> =>
  loadModel(file(name), options);

/** Throws unless the network computes what Keras does. */
function expectGolden(model: LoadedModel, name: string): void {
  const { inputs, outputs, parameters } = golden.own[name]!;
  expect(model.parameterCount).toBe(parameters);
  const x = inputs.map((input) => drawn(input, "float32"));
  const y = model.forward((x.length === 1 ? x[0] : x) as Tensor) as unknown as Tensor | Tensor[];
  for (const [index, tensor] of (Array.isArray(y) ? y : [y]).entries())
    expectClose(`${name}: output ${index}`, tensor, outputs[index]!, 1e-5);
}

describe("whole networks", () => {
  test.each(["branches", "twins", "chain"])("%s.keras", async (name) => {
    expectGolden(await load(`${name}.keras`), name);
  });

  test.each(["branches", "twins", "chain"])("%s.h5", async (name) => {
    expectGolden(await load(`${name}.h5`), name);
  });

  test("what was loaded saves and loads to the same bits, activations with settings too", async () => {
    const model = await load("branches.keras");
    const again = await loadModel(encodeModel(model, "safetensors"));
    const x = drawn(golden.own["branches"]!.inputs[0]!, "float32");
    expect(again.forward(x).data()).toEqual(model.forward(x).data());
    expect(again.summary()).toBe(model.summary());
  });

  test("layers have their names and keep what is frozen", async () => {
    const model = await load("twins.keras");
    const tower = model.getLayer("tower") as unknown as LoadedModel;
    expect(tower.layers.map((layer) => (layer as { trainable: boolean }).trainable)).toEqual([
      false,
      true,
      true,
    ]);
  });
});

describe("weights alone", () => {
  test("of Keras 3, into a network or Keras' description of one", async () => {
    const topology = await load("branches.keras");
    expectGolden(await load("branches.weights.h5", { topology }), "branches");
  });

  test("in chunks, deflated, shuffled, checked, of other widths and orders", async () => {
    const topology = JSON.parse(new TextDecoder().decode(file("chain.json"))) as object;
    expectGolden(await load("chunked.h5", { topology }), "chain");
    expectGolden(await load("chain.json", { weights: file("chunked.h5") }), "chain");
  });

  test("the network that says how stays as it was", async () => {
    const topology = await load("chain.h5");
    const before = topology.parameters();
    const again = await load("chunked.h5", { topology });
    expect(topology.parameters()).toEqual(before);
    expect(again.parameters()[0]).not.toBe(before[0]);
  });

  test("without a topology they say what to do", async () => {
    await expect(load("branches.weights.h5")).rejects.toThrow(
      /expected a network with its layers, got parameters alone.*loadModel\(file, \{ topology \}\)/,
    );
  });

  test("of another network they name what does not fit", async () => {
    const topology = await load("twins.h5");
    await expect(load("chunked.h5", { topology })).rejects.toThrow(FormatError);
    await expect(load("chunked.h5", { topology })).rejects.toThrow(
      /expected weights of 2 layers, got of 4\. None for tower, out/,
    );
  });
});
