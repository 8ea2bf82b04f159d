// Every layer and loss against Keras' numbers (test/golden/layers.json): output, gradients, state, shapes, counts, names.
//
// The golden values were computed in float64 and rounded to float32 once. Errors are measured by the largest magnitude of
// the array they are in. float32: 1e-5, some 80 units of rounding, for sums of up to a few hundred products in any order
// (Winograd's transforms, the roughest, come to 4e-6 here); half of that without transforms. float64: 2e-7, the rounding of the
// golden values themselves and Keras' float32 weights of bilinear interpolation: it tells an epsilon of 1e-3 from 1.001e-3.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type BackendName,
  type Tensor,
  type Tree,
  backendName,
  flattenTree,
  grad,
  jit,
  setBackend,
  tensor,
  vjp,
} from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";
import {
  type Drawing,
  type Floats,
  type LayerCase,
  camelCase,
  drawn,
  expectClose,
  golden,
  unpacked,
} from "../support/keras-golden.ts";

type AnyLayer = nn.AnyLayer & { adapt?(data: Tensor): nn.AnyLayer };
type Maker = (options: Record<string, unknown>) => AnyLayer;

/** Our function for a class of Keras, where its name does not follow from the class's. */
const makers: Readonly<Record<string, string>> = {
  MaxPooling2D: "maxPool2d",
  AveragePooling2D: "averagePool2d",
  GlobalAveragePooling2D: "globalAveragePool2d",
  GlobalMaxPooling2D: "globalMaxPool2d",
  BatchNormalization: "batchNorm",
  LayerNormalization: "layerNorm",
  GroupNormalization: "groupNorm",
  ReLU: "relu",
  LeakyReLU: "leakyRelu",
  ELU: "elu",
  PReLU: "prelu",
};

function makerOf(layer: string): Maker {
  const lower = layer.charAt(0).toLowerCase() + layer.slice(1);
  const name = makers[layer] ?? lower.replace("2D", "2d");
  const maker = (nn as unknown as Record<string, Maker | undefined>)[name];
  if (maker === undefined) throw new Error(`adjoint/nn has no ${name} for Keras' ${layer}`);
  return maker;
}

const tolerances: Readonly<Record<Floats, number>> = { float32: 1e-5, float64: 2e-7 };

/** The layer of a case, with its parameters. */
function layerOf(given: LayerCase, dtype: Floats, extra: Record<string, unknown>): AnyLayer {
  const options = Object.fromEntries(
    Object.entries(given.config).map(([name, value]) => [
      name === "keepdims" ? "keepDims" : camelCase(name),
      name === "activation" ? camelCase(value as string) : value,
    ]),
  );
  const shapes = given.inputs.map(({ shape }) => shape.slice(1));
  let layer = makerOf(given.layer)({ ...options, ...extra, dtype });
  if (given.adapt !== undefined) layer = layer.adapt!(drawn(given.adapt, dtype));
  layer.grow(shapes.length === 1 ? shapes[0]! : shapes);
  const { leaves, def } = flattenTree("layer", layer as unknown as Tree);
  const drawings = new Map<string, Drawing>(
    given.parameters.map((parameter) => [`.${camelCase(parameter.name)}`, parameter]),
  );
  const filled = leaves.map((leaf, index) => {
    const drawing = drawings.get(def.paths[index]!);
    if (drawing === undefined) return leaf;
    drawings.delete(def.paths[index]!);
    expect(leaf.shape, `shape of ${def.paths[index]!}`).toEqual(drawing.shape);
    const { shape, seed, scale = 1, shift = 0 } = drawing;
    return drawn({ shape, seed, scale, shift }, dtype);
  });
  expect([...drawings.keys()], "Keras' parameters that the layer lacks").toEqual([]);
  return def.rebuild(filled) as AnyLayer;
}

/** Compares output, gradients and state of a case. */
function check(
  given: LayerCase,
  dtype: Floats,
  extra: Record<string, unknown> = {},
  tolerance: number = tolerances[dtype],
): void {
  const layer = layerOf(given, dtype, extra);
  const inputs = given.inputs.map((drawing) => drawn(drawing, dtype));
  expect(layer.outputShape, "output shape").toEqual(given.outputShape);
  expect(layer.parameterCount, "parameters").toBe(given.parameterCount);
  expect(layer.className).toBe(given.layer);

  const forward = (l: AnyLayer, xs: Tensor[]): Tensor =>
    l.forward(
      xs.length === 1 ? xs[0]! : xs,
      given.training === true ? nn.training() : undefined,
    ) as Tensor;
  const cotangent = drawn(
    { shape: [inputs[0]!.shape[0]!, ...given.outputShape], seed: given.cotangent },
    dtype,
  );
  const [output, layerGradient, inputGradients] = jit((l: AnyLayer, xs: Tensor[], ct: Tensor) => {
    const [y, pullback] = vjp(forward as never, l as never, xs as never) as unknown as [
      Tensor,
      (ct: Tensor) => [AnyLayer, Tensor[]],
    ];
    return [y, ...pullback(ct)] as never;
  })(layer, inputs, cotangent) as unknown as [Tensor, AnyLayer, Tensor[]];

  expect(output.dtype).toBe(dtype);
  expectClose("output", output, unpacked(given.output), tolerance);
  for (const [index, gradient] of inputGradients.entries())
    expectClose(
      `gradient of input ${index}`,
      gradient,
      unpacked(given.gradients[index]!),
      tolerance,
    );
  const found = new Map(layerGradient.namedParameters());
  for (const [name, gradient] of Object.entries(given.parameterGradients))
    expectClose(`gradient of ${name}`, found.get(camelCase(name))!, unpacked(gradient), tolerance);

  if (given.updates === undefined) return;
  const state = new Map(layer.namedParameters());
  const { updates } = nn.collectUpdates(() => forward(layer, inputs));
  expect(updates.size).toBe(Object.keys(given.updates).length);
  for (const [name, value] of Object.entries(given.updates))
    expectClose(name, updates.get(state.get(camelCase(name))!)!, unpacked(value), tolerance);
}

const named = golden.layers.map((given): [string, LayerCase] => [
  [
    given.layer,
    given.inputs.map(({ shape }) => `[${shape.join(", ")}]`).join(" "),
    given.inputs[0]!.levels === undefined ? "" : "with ties",
    given.training === true ? "training" : "",
    JSON.stringify(given.config),
  ]
    .filter((part) => part !== "")
    .join(" "),
  given,
]);
const variants: readonly [BackendName, Floats][] = [
  ["wasm", "float32"],
  ["wasm", "float64"],
  ["interp", "float32"],
];

describe.each(variants)("layers on %s in %s", (backend, dtype) => {
  const before = backendName();
  beforeAll(() => setBackend(backend));
  afterAll(() => setBackend(before));
  test.each(named)("%s", (_, given) => check(given, dtype));
});

describe("layers without transforms", () => {
  const some = named.filter(([, { layer }]) =>
    ["Conv2D", "DepthwiseConv2D", "SeparableConv2D"].includes(layer),
  );
  test.each(some)("%s", (_, given) => check(given, "float32", { algorithm: "direct" }, 5e-6));
});

/** Our loss for one of Keras, and how its configuration is said. */
const losses: Readonly<Record<string, string>> = {
  SparseCategoricalCrossentropy: "crossEntropy",
  CategoricalCrossentropy: "crossEntropy",
  BinaryCrossentropy: "binaryCrossEntropy",
  KLDivergence: "kullbackLeibler",
};

describe("losses", () => {
  const cases = golden.losses.map((given, index) => ({
    name: `${index} ${given.loss} ${JSON.stringify(given.config)}`,
    given,
  }));
  describe.each(["float32", "float64"] as const)("%s", (dtype) => {
    test.each(cases)("$name", ({ given }) => {
      const { loss, config, value } = given;
      const name = losses[loss] ?? loss.charAt(0).toLowerCase() + loss.slice(1);
      const f = (nn as unknown as Record<string, (...args: unknown[]) => Tensor>)[name]!;
      const sparse = loss === "SparseCategoricalCrossentropy";
      const crossEntropy = loss.endsWith("Crossentropy");
      const options = Object.fromEntries(Object.entries(config).map(([k, v]) => [camelCase(k), v]));
      const last = crossEntropy
        ? [{ fromLogits: false, ...options }]
        : "delta" in config
          ? [config["delta"]]
          : [];
      const prediction = tensor([...unpacked(given.prediction.data)], {
        shape: [...given.prediction.shape],
        dtype,
      });
      const target = tensor([...unpacked(given.target.data)], {
        shape: [...given.target.shape],
        dtype: sparse ? "int32" : dtype,
      });
      expectClose("value", f(prediction, target, ...last), [value], tolerances[dtype]);
      const gradient = jit((p: Tensor) => grad((x: Tensor) => f(x, target, ...last))(p))(
        prediction,
      );
      expectClose("gradient", gradient, unpacked(given.gradient), tolerances[dtype]);
    });
  });
});
