// Networks by name against Keras' (test/golden/architectures.json): every line of their summaries, and outputs for seeded weights.
import type * as nn from "../../src/nn/index.ts";
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { ArgumentError, ShapeError, type Tensor, grad, random, tensor } from "../../src/index.ts";
import {
  type Network,
  type WidthOptions,
  architectures,
  efficientnetB0,
  inceptionV3,
  mobilenet,
  mobilenetV2,
  vgg19,
} from "../../src/models/index.ts";
import { ridders } from "../../src/autodiff/check-grad.ts";
import { type Floats, camelCase, unpacked } from "../support/keras-golden.ts";
import { compiled, filled, golden, images, seeded } from "./seeded.ts";

const architectureOf = (name: string): (typeof architectures)[number] =>
  architectures.find((known) => known.name === name)!;

const optionsOf = (given: Readonly<Record<string, unknown>>): WidthOptions =>
  Object.fromEntries(Object.entries(given).map(([name, value]) => [camelCase(name), value]));

const titled = <T extends { readonly name: string; readonly options: object }>(
  list: readonly T[],
): [string, T][] => list.map((item) => [`${item.name} ${JSON.stringify(item.options)}`, item]);

test("every architecture is compared", () => {
  const names = architectures.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const list of [golden.summaries, golden.runs])
    expect(new Set(list.map(({ name }) => name))).toEqual(new Set(names));
});

describe("names, types, shapes, counts and connections of all layers are Keras'", () => {
  test.each(titled(golden.summaries))("%s", (_, { name, options, ...expected }) => {
    const model = architectureOf(name).build({ ...optionsOf(options) });
    expect(model.layers.length).toBe(expected.layers);
    expect(model.parameterCount).toBe(expected.parameters);
    const text = model.summary().replaceAll(/ \([\d.]+ \w+\)$/gm, "");
    expect(createHash("sha256").update(text).digest("hex"), text).toBe(expected.summary);
  });
});

describe("outputs for seeded weights are Keras'", () => {
  test.each(titled(golden.runs))("%s", (_, { name, options, ...expected }) => {
    const given = optionsOf(options);
    const wanted = unpacked(expected.outputs);
    const { outline, preprocess } = architectureOf(name);
    const empty = (dtype: Floats): Network => outline({ ...given, dtype });
    const model = seeded(empty("float64"));
    const weights = model.parameters();
    // float64: the rounding of the golden values. float32: long sums in another order, and by transforms.
    for (const [dtype, tolerance] of [
      ["float64", 1e-7],
      ["float32", 1e-4],
    ] as const) {
      const network =
        dtype === "float64" ? model : filled(empty(dtype), (_, i) => weights[i]!.cast(dtype));
      const x = images([2, ...given.inputShape!], dtype, preprocess === "raw");
      const output = compiled(
        (batch) => network.forward(batch),
        x,
        (call) => call(x),
      );
      expect(output.shape).toEqual(expected.shape);
      const taken = output.data().filter((_, index) => index % expected.step === 0);
      expect(taken.length).toBe(wanted.length);
      const error = Math.max(...taken.map((value, i) => Math.abs(value - wanted[i]!)));
      expect(error / expected.largest, dtype).toBeLessThan(tolerance);
    }
  });
});

describe("gradients are those of finite differences", () => {
  // Along one direction that changes the image, every bias and factor, and the first and last kernel.
  test.each(architectures.map((entry) => [entry.name, entry] as const))("%s", (name, entry) => {
    const inputShape = [entry.leastSize, entry.leastSize, 3];
    const narrow =
      (entry.ownOptions as readonly string[] | undefined)?.includes("alpha") === true
        ? { alpha: 0.5 }
        : {};
    const top = name.startsWith("vgg")
      ? { includeTop: false, pooling: "avg" as const }
      : { classes: 5, classifierActivation: null };
    const options = { inputShape, ...narrow, ...top } as const;
    const model = seeded(entry.outline({ ...options, dtype: "float64" }));
    const x = images([1, ...inputShape], "float64", entry.preprocess === "raw");
    const kernels = model.parameters().filter(({ rank }) => rank > 1);
    const moving = model
      .parameters()
      .filter((leaf) => leaf.rank === 1 || leaf === kernels[0] || leaf === kernels.at(-1));
    const directions = new Map(
      [x, ...moving].map((leaf, i) => [
        leaf,
        random.normal(random.key(i), leaf.shape, { dtype: "float64" }).mul(0.01),
      ]),
    );
    const moved = (leaf: Tensor, by: Tensor): Tensor => {
      const direction = directions.get(leaf);
      return direction === undefined ? leaf : leaf.add(direction.mul(by));
    };
    const score = (by: Tensor): Tensor => {
      const output = filled(model, (leaf) => moved(leaf, by)).forward(moved(x, by));
      return output.mul(random.normal(random.key(99), output.shape, { dtype: "float64" })).sum();
    };
    const start = tensor(0, { dtype: "float64" });
    const { estimate } = compiled(score, start, (call) =>
      ridders((by) => call(tensor(by, { dtype: "float64" })).item(), 1e-4),
    );
    const exact = compiled(grad(score) as (by: Tensor) => Tensor, start, (call) => call(start));
    expect(Math.abs(exact.item() - estimate) / Math.abs(estimate)).toBeLessThan(1e-6);
  });
});

describe("options", () => {
  test("that are none, or do not go together, are errors", () => {
    expect(() => vgg19({ classses: 10 } as object)).toThrow(/vgg19: .*Did you mean classes\?/);
    expect(() => vgg19({ alpha: 0.5 } as object)).toThrow(ArgumentError);
    expect(() => vgg19({ inputShape: [31, 224, 3] })).toThrow(/at least 32 rows/);
    expect(() => inceptionV3({ inputShape: [74, 75, 3] })).toThrow(/at least 75 rows/);
    expect(() => vgg19({ inputShape: [224, 224] })).toThrow(ArgumentError);
    expect(() => vgg19({ inputShape: [-1, 224, 3] })).toThrow(ShapeError);
    expect(() => vgg19({ includeTop: false, classes: 10 })).toThrow(/with the top only/);
    expect(() => vgg19({ pooling: "avg" })).toThrow(/includeTop: false/);
    expect(() => vgg19({ includeTop: false, pooling: "sum" as "avg" })).toThrow(
      /pooling: expected one of avg, max/,
    );
    expect(() => vgg19({ includeTop: 1 as unknown as boolean })).toThrow(/true or false/);
    expect(() => mobilenet({ alpha: 0 })).toThrow(/mobilenet: alpha: expected a number/);
    expect(() => mobilenetV2({ alpha: NaN })).toThrow(ArgumentError);
    expect(() => mobilenet({ classes: 0, inputShape: [32, 32, 3] })).toThrow(ArgumentError);
  });

  test("weights are drawn from the seed, by the paper's initialiser", () => {
    const small = { inputShape: [32, 32, 3], alpha: 0.25 };
    const [a, b, c] = [{}, {}, { seed: 1 }].map((more) =>
      mobilenet({ ...small, ...more })
        .getLayer("conv_pw_13")
        .parameters()[0]!
        .data(),
    );
    expect(a).toEqual(b);
    expect(a).not.toEqual(c);
    const { kernel } = efficientnetB0({ inputShape: [32, 32, 3] }).getLayer(
      "top_conv",
    ) as nn.Conv2d;
    expect(kernel.mul(kernel).mean().item() * 1280).toBeCloseTo(2, 1);
  });

  test("imagenetScaling divides by square roots of deviations, once more", () => {
    const sizes = { inputShape: [32, 32, 3] } as const;
    const model = efficientnetB0({ ...sizes, imagenetScaling: true });
    expect(model.layers.length).toBe(241);
    const { scale } = model.getLayer("rescaling_1") as nn.Rescaling;
    expect(scale).toEqual([0.229, 0.224, 0.225].map((s) => 1 / Math.sqrt(s)));
  });

  test("the layer that explanations of VGG19 are known for", () => {
    const model = architectureOf("vgg19").outline();
    expect(model.getLayer("block5_conv4").outputShape).toEqual([14, 14, 512]);
    expect(() => model.getLayer("block5_conv5")).toThrow(/block5_conv3/);
  });
});
