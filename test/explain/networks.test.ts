/** @file Networks of every make, and what running an explanation is like: order, interruption, memory. */
import { describe, expect, test } from "vitest";
import { backend } from "../../src/compile/engine.ts";
import {
  type BatchOptions,
  type Explainer,
  type Explanation,
  eigenCam,
  gradCam,
  methods,
  occlusion,
  rise,
  saliency,
  scoreCam,
} from "../../src/explain/index.ts";
import { type Tensor, grad, random } from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";
import { chain, graph, imagesOf } from "./networks.ts";

const shape = [8, 8, 3];
const image = random.normal(random.key(2), shape);
const conv = (name: string, filters: number, options: object = {}): nn.Conv2d =>
  nn.conv2d({ filters, kernelSize: 3, padding: "same", activation: "relu", name, ...options });
const head = (): nn.Layer[] => [nn.globalAveragePool2d(), nn.dense({ units: 3, seed: 8 })];
const signed = { relu: false, classIndex: 1 } as const;

/** Grad-CAM at the input of the part of a network above a layer, from that part alone. */
function camOf(upper: (a: Tensor) => Tensor, maps: Tensor): number[] {
  const slope = grad((a: Tensor) => upper(a).at(0).at(1))(maps);
  return [
    ...maps
      .mul(slope.mean([1, 2], true))
      .sum([0, 3])
      .data(),
  ];
}

function expectClose(found: Explanation, expected: readonly number[]): void {
  const largest = Math.max(...expected.map(Math.abs));
  expect(largest).toBeGreaterThan(0);
  expect(found.values.length).toBe(expected.length);
  for (const [i, value] of expected.entries())
    expect(Math.abs(found.values[i]! - value)).toBeLessThan(1e-5 * largest);
}

describe("networks", () => {
  test("a skip connection around the layer", () => {
    const x = nn.input({ shape });
    const [a, b] = [conv("a", 4, { seed: 1 }), conv("b", 4, { seed: 2 })];
    const trunk = a.apply(x);
    const sum = nn.add().apply([trunk, b.apply(trunk)]);
    const outputs = head().reduce((y, layer) => layer.apply(y), sum);
    const network = nn.model({ inputs: x, outputs }) as nn.Model;
    const maps = a.forward(image.expandDims(0));
    const upper = (m: Tensor): Tensor =>
      network.layers
        .slice(-2)
        .reduce<Tensor>((y, layer) => layer.forward(y) as Tensor, m.add(b.forward(m)));
    expectClose(gradCam(network, image, { ...signed, layer: "a" }), camOf(upper, maps));
  });

  test("a shared layer: its first application, or the one asked for", () => {
    const first = conv("first", 4, { seed: 1, inputShape: shape });
    const shared = conv("shared", 4, { seed: 2, inputShape: [8, 8, 4] });
    const network = nn.sequential([first, shared, shared, ...head()]);
    const [pool, dense] = network.layers.slice(-2) as nn.Layer[];
    const top = (m: Tensor): Tensor => dense!.forward(pool!.forward(m));
    const once = shared.forward(first.forward(image.expandDims(0)));
    expectClose(
      gradCam(network, image, { ...signed, layer: "shared" }),
      camOf((m) => top(shared.forward(m)), once),
    );
    const twice = shared.forward(once);
    expectClose(gradCam(network, image, { ...signed, layer: "shared#2" }), camOf(top, twice));
    expect(gradCam(network, image).layer).toBe("shared#2");
  });

  test("layers within a residual, a nested model and a module of one's own", () => {
    class Wrapped extends nn.Module {
      net = nn.sequential(
        [nn.residual([conv("inner", 3, { seed: 4 })], { name: "block" }), ...head()],
        { inputShape: shape },
      );
      forward(x: Tensor, mode?: nn.Mode): Tensor {
        return this.net.forward(x, mode).mul(2);
      }
    }
    const network = new Wrapped();
    const names = ["inner", "block"].map(
      (layer) => gradCam(network, image, { ...signed, layer }).layer,
    );
    expect(names[0]).toMatch(/\/block\/.*inner$/);
    expect(names[1]).toMatch(/\/block$/);
    expect(gradCam(network, image).layer).toBe(names[1]);
    expect(() => gradCam(network, image, { layer: "inne" })).toThrow(/Most like it: .*inner/);
  });

  test("a layer below an ODE block, by its adjoint", () => {
    const below = conv("below", 3, { seed: 1, inputShape: shape });
    const block = nn.odeBlock(conv("field", 3, { seed: 2, activation: "tanh" }), {
      name: "ode",
      rtol: 1e-6,
      atol: 1e-8,
    });
    const network = nn.sequential([below, block, ...head()]);
    const [pool, dense] = network.layers.slice(-2) as nn.Layer[];
    const upper = (m: Tensor): Tensor => dense!.forward(pool!.forward(block.forward(m)));
    const found = gradCam(network, image, { ...signed, layer: "below" });
    const expected = camOf(upper, below.forward(image.expandDims(0)));
    const largest = Math.max(...expected.map(Math.abs));
    for (const [i, value] of expected.entries())
      expect(Math.abs(found.values[i]! - value)).toBeLessThan(1e-4 * largest);
    // What runs inside a solve runs any number of times: it is no layer to be chosen.
    expect(() => gradCam(network, image, { layer: "field" })).toThrow(/Most like it/);
    expect(gradCam(network, image).layer).toBe("ode");
  });

  test("a layer by the other names that a file has for it", () => {
    const network = chain();
    (network.getLayer("last") as nn.Conv2d).aliases = ["Conv_7", "features/out:0"];
    const expected = gradCam(network, imagesOf(1), { layer: "last" });
    expect(gradCam(network, imagesOf(1), { layer: "features/out:0" })).toEqual(expected);
    expect(() => gradCam(network, imagesOf(1), { layer: "Conv_8" })).toThrow(/like it: Conv_7/);
  });

  test("several layers are merged at the image's size", () => {
    const network = chain();
    const found = gradCam(network, imagesOf(1), { layer: ["second", "last"] });
    expect([found.shape, found.layer]).toEqual([[12, 10], "second + last"]);
    expect([Math.min(...found.values), Math.max(...found.values)]).toEqual([0, 1]);
    expect(() =>
      gradCam(network, imagesOf(1), { layer: ["second", "last"], channels: "each" }),
    ).toThrow(/one layer, got 2/);
  });

  test("parameters put in place of others are seen", () => {
    const network = chain();
    const before = gradCam(network, imagesOf(1), { classIndex: 0 });
    const last = network.getLayer("scores") as unknown as nn.Dense;
    last.kernel = last.kernel.mul(2);
    const after = gradCam(network, imagesOf(1), { classIndex: 0 });
    for (const [i, value] of before.values.entries())
      expect(after.values[i]).toBeCloseTo(2 * value, 5);
  });

  test("anything but a network, an image or a layer is refused by name", () => {
    const network = chain();
    const of =
      (n: unknown, x: unknown, options: object = {}) =>
      () =>
        gradCam(n as nn.Layer, x as Tensor, options);
    expect(of({}, image)).toThrow(/a network: a model, a layer.*got Object/);
    expect(of(network, undefined)).toThrow(/image: expected a float tensor.*got undefined/);
    expect(of(network, image)).toThrow(
      /image: expected \[12, 10, 3\], as the network takes it, got \[8, 8, 3\]/,
    );
    expect(of(network, imagesOf(1), { layer: [] })).toThrow(/the name of a layer, or several/);
    expect(of(network, imagesOf(1), { classIndex: -1 })).toThrow(/class numbers 0, 1, ..., got -1/);
    expect(of(network, imagesOf(1), { classIndex: [1, 2] })).toThrow(/write \[\[1, 2\]\]/);
    expect(of(network, imagesOf(1), { score: "loudness" })).toThrow(/one of logit, probability/);
    expect(() => saliency(network, imagesOf(1), { layer: "last" })).toThrow(/no layer/);
    expect(() => occlusion(network, imagesOf(1), { window: 11 })).toThrow(/at most 10/);
    const flat = nn.sequential([nn.flatten({ inputShape: shape }), nn.dense({ units: 2 })]);
    expect(() => gradCam(flat, image)).toThrow(/height and width above 1.*saliency/);
    const two = nn.input({ shape });
    const both = nn.model({
      inputs: [two, nn.input({ shape })].slice(0, 1),
      outputs: nn.flatten().apply(two),
    });
    expect(saliency(both as nn.Model, image).shape).toEqual([8, 8]);
  });
});

describe("smoothing", () => {
  test("augSmooth is the mean of six maps", () => {
    const network = graph();
    const x = imagesOf(1);
    const options = { relu: false, classIndex: 3, layer: "last" } as const;
    const maps = [0.9, 1, 1.1].flatMap((factor) => [
      gradCam(network, x.mul(factor), options).values,
      mirrored(gradCam(network, x.flip(2).mul(factor), options).values, 6),
    ]);
    const mean = Array.from(maps[0]!, (_, i) => maps.reduce((sum, map) => sum + map[i]! / 6, 0));
    expectClose(gradCam(network, x, { ...options, augSmooth: true }), mean);
  });

  test("eigenSmooth of Eigen-CAM is Eigen-CAM", () => {
    const network = graph();
    const found = eigenCam(network, imagesOf(1), { layer: "last", eigenSmooth: true });
    expect(found).toEqual(eigenCam(network, imagesOf(1), { layer: "last" }));
  });
});

describe("running", () => {
  const many = Object.entries(methods).filter(([, { method }]) => "study" in method) as [
    string,
    Explainer<BatchOptions>,
  ][];

  test.each(many)("%s tells its progress, and stops between batches", async (_, method) => {
    const network = chain();
    const seen: number[] = [];
    const onProgress = (done: number): void => void seen.push(done);
    const found = method(network, imagesOf(1), { batchSize: 3, onProgress });
    expect(seen.length).toBeGreaterThan(2);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect([seen[0], seen.at(-1)]).toEqual([0, 1]);
    expect(await method.async(network, imagesOf(1), { batchSize: 3 })).toEqual(found);
    const controller = new AbortController();
    let steps = 0;
    const stopping = {
      batchSize: 3,
      signal: controller.signal,
      onProgress: (): void => void (++steps === 2 && controller.abort(new Error("enough"))),
    };
    expect(() => method(network, imagesOf(1), stopping)).toThrow("enough");
    expect(steps).toBe(2);
  });

  test("others get their turn while a method is awaited", async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error("from outside")), 5);
    const work = rise.async(chain(), imagesOf(1), { masks: 1e6, signal: controller.signal });
    await expect(work).rejects.toThrow("from outside");
  });

  test("hundreds of images take no more memory than a few", () => {
    const network = chain();
    const bytes = (): number => backend().memory.f32.byteLength;
    const run = (n: number): void => {
      const x = random.normal(random.key(n), [12, 10, 3]);
      gradCam(network, x);
      if (n % 20 === 0) scoreCam(network, x, { layer: "last", classIndex: n % 5 });
    };
    for (let n = 0; n < 21; n++) run(n);
    const before = bytes();
    for (let n = 21; n < 200; n++) run(n);
    expect(bytes()).toBe(before);
  });
});

function mirrored(values: Float32Array, columns: number): number[] {
  return Array.from(values, (_, i) => values[i - (i % columns) + columns - 1 - (i % columns)]!);
}
