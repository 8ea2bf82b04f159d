/** @file What is saved loads again: every layer, every way of putting layers together, to the same bits. */
import { describe, expect, test } from "vitest";
import { Tensor, random, tensor } from "../../src/index.ts";
import { mapTree } from "../../src/ir/tree.ts";
import { FormatError, type LoadedModel, encodeModel, loadModel } from "../../src/models/index.ts";
import { classOfKind } from "../../src/models/keras/classes.ts";
import * as nn from "../../src/nn/index.ts";
import * as layers from "../../src/nn/layers/index.ts";
import { layerCases } from "../nn/layer-cases.ts";

/** Other parameters than layers start with, none of them negative: variances are among them. */
function drawn<T extends nn.Module>(model: T): T {
  let index = 0;
  return mapTree("drawn", model, (leaf) =>
    random.uniform(random.key(index++), leaf.shape, {
      dtype: leaf.dtype as "float32",
      min: 0.3,
      max: 1.3,
    }),
  );
}

async function again(model: LoadedModel): Promise<LoadedModel> {
  return loadModel(encodeModel(model, "safetensors"));
}

function inputFor(model: LoadedModel, dtype: "float32" | "float64" = "float32"): Tensor {
  return random.uniform(random.key(99), [2, ...(model.inputShape as number[])], {
    dtype,
    min: -1,
    max: 1,
  });
}

/** Throws unless both networks have the same layers, parameters and results. */
function expectSame(found: LoadedModel, model: LoadedModel, dtype?: "float32" | "float64"): void {
  const named = (of: LoadedModel): unknown[] =>
    of.namedParameters().map(([name, { dtype, shape }]) => [name, dtype, shape]);
  expect(named(found)).toEqual(named(model));
  expect(found.summary()).toBe(model.summary());
  // Settings that no output shows (momentum, rate, gradient) are fields of layers, too.
  const settings = (of: LoadedModel): string =>
    JSON.stringify(of, (_, value: unknown) =>
      value instanceof Tensor || typeof value === "function" ? undefined : value,
    );
  expect(settings(found)).toBe(settings(model));
  const x = inputFor(model, dtype);
  expect(found.forward(x).data()).toEqual(model.forward(x).data());
}

const withoutNames = /functions? (cannot|of one's own)|Functions/;

for (const [kind, cases] of Object.entries(layerCases))
  describe(kind, () => {
    for (const [index, { make, sample }] of cases.entries())
      test.each(["float32", "float64"] as const)(`case ${index}, %s`, async (dtype) => {
        const model = drawn(nn.sequential([make({ dtype })], { inputShape: sample, dtype }));
        let file: Uint8Array;
        try {
          file = encodeModel(model, "safetensors");
        } catch (error) {
          // Functions are the only thing that files do not hold.
          expect(["lambda", "activation"]).toContain(kind);
          expect(error).toBeInstanceOf(FormatError);
          expect((error as Error).message).toMatch(withoutNames);
          return;
        }
        expectSame(await loadModel(file), model, dtype);
      });
  });

test("every layer has a class that writes it, but for functions", () => {
  const kinds = Object.keys(layers).filter((name) => /^[a-z]/.test(name));
  const unwritten = kinds.filter((kind) => classOfKind(kind)?.write === undefined);
  expect(unwritten).toEqual(["lambda", "sequential"]);
});

describe("layers together", () => {
  const graph = (): LoadedModel => {
    const x = nn.input({ shape: [8, 8, 3], name: "image" });
    const shared = nn.conv2d({ filters: 3, kernelSize: 3, padding: "same", name: "shared" });
    const once = shared.apply(x);
    const twice = shared.apply(nn.relu().apply(once));
    const sum = nn.add().apply([once, twice]);
    const joined = nn.concatenate().apply([sum, nn.batchNorm().apply(x)]);
    const inner = nn.sequential([nn.flatten(), nn.dense({ units: 4, trainable: false })], {
      name: "head",
    });
    return nn.model({ inputs: x, outputs: inner.apply(joined), name: "graph" }) as LoadedModel;
  };

  test("graphs with shared layers, merges and nested networks", async () => {
    const model = drawn(graph());
    const found = await again(model);
    expectSame(found, model);
    expect(found.getLayer("head").trainable).toBe(model.getLayer("head").trainable);
    expect(found.outputOf("shared").shape).toEqual([8, 8, 3]);
  });

  test("networks within networks within networks", async () => {
    const outer = nn.input({ shape: [8, 8, 3], name: "outer" });
    const once = graph().apply(outer);
    expectSame(
      await again(nn.model({ inputs: outer, outputs: once }) as LoadedModel),
      nn.model({ inputs: outer, outputs: once }) as LoadedModel,
    );
  });

  test("several inputs and outputs, as lists of one too", async () => {
    const [a, b] = [nn.input({ shape: [3], name: "a" }), nn.input({ shape: [4], name: "b" })];
    const joined = nn.concatenate().apply([a, b]);
    const model = nn.model({
      inputs: [a, b],
      outputs: [joined, nn.dense({ units: 2 }).apply(joined)],
    });
    const found = (await again(model as never)) as unknown as typeof model;
    const x = [tensor([[1, 2, 3]]), tensor([[4, 5, 6, 7]])];
    expect(found.forward(x).map((y) => y.data())).toEqual(model.forward(x).map((y) => y.data()));
    const one = nn.model({ inputs: [a], outputs: [nn.dense({ units: 2 }).apply(a)] });
    const again1 = (await again(one as never)) as unknown as typeof one;
    expect(again1.forward([x[0]!])[0]!.data()).toEqual(one.forward([x[0]!])[0]!.data());
  });

  test("an odeBlock keeps its solver", async () => {
    const block = nn.odeBlock(
      nn.sequential([nn.dense({ units: 5, activation: "tanh" }), nn.dense({ units: 3 })]),
      { t1: 0.7, method: "dopri5", rtol: 1e-5, atol: 1e-7, gradient: "checkpoint" },
    );
    const model = nn.sequential([block], { inputShape: [3] });
    const found = await again(model);
    expectSame(found, model);
    const { t0, t1, solver } = found.layers[0] as nn.OdeBlock;
    expect({ t0, t1, solver }).toEqual({ t0: 0, t1: 0.7, solver: block.solver });
  });

  test("what is no layer is refused, with its place", () => {
    const model = nn.sequential([nn.dense({ units: 2, inputShape: [3] }), (x: Tensor) => x.relu()]);
    expect(() => encodeModel(model, "safetensors")).toThrow(
      /sequential: layers\[1\]: expected a layer, got a function.*data, not code/,
    );
  });

  test("any change of a byte is noticed", async () => {
    const file = encodeModel(
      nn.sequential([nn.dense({ units: 2, inputShape: [3] })]),
      "safetensors",
    );
    for (let at = 0; at < file.length; at += 7) {
      const damaged = file.slice();
      damaged[at]! ^= 1 << (at % 8);
      await expect(loadModel(damaged)).rejects.toThrow(FormatError);
    }
  });
});

test("an array for two parameters is none", async () => {
  const dense = (): nn.Dense => nn.dense({ units: 3, useBias: false, name: "d" });
  const block = (name: string): nn.Sequential => nn.sequential([dense()], { name });
  const file = encodeModel(nn.sequential([dense()], { inputShape: [3] }), "safetensors");
  const topology = nn.sequential([block("a"), block("b")], { inputShape: [3] });
  const attempt = loadModel(file, { topology });
  await expect(attempt).rejects.toThrow(FormatError);
  await expect(attempt).rejects.toThrow(
    /array d\.kernel: expected one parameter that it is for, got/,
  );
});
