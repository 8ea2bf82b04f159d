/** @file Grad-CAM at every depth: against the network cut in two there, finite differences, and the ends. */
import { beforeAll, describe, expect, test } from "vitest";
import { type Tensor, grad, random, tensor } from "../../src/index.ts";
import {
  ExplainError,
  depthCam,
  eigenCam,
  fullGrad,
  gradCam,
  guidedGradCam,
  hiResCam,
  layerCam,
} from "../../src/explain/index.ts";
import { shapes, shapesOdeNet } from "../../src/shapes/index.ts";
import * as nn from "../../src/nn/index.ts";

const dtype = "float64";
const tight = { rtol: 1e-11, atol: 1e-13, method: "dopri5" };

/** dz/dt = tanh of a convolution of z and of the time, z [N, 6, 6, 4]. */
class Dynamics extends nn.Module {
  readonly conv = nn.conv2d({
    filters: 4,
    kernelSize: 3,
    padding: "same",
    inputShape: [6, 6, 4],
    seed: 3,
    dtype,
  });
  readonly slope = random.normal(random.key(4), [4], { dtype });
  forward(t: Tensor, z: Tensor): Tensor {
    return this.conv.forward(z).add(this.slope.mul(t)).tanh();
  }
}
const dynamics = new Dynamics();
const stem = nn.conv2d({
  filters: 4,
  kernelSize: 3,
  strides: 2,
  activation: "relu",
  inputShape: [13, 13, 3],
  seed: 1,
  dtype,
  name: "stem",
});
const last = nn.conv2d({
  filters: 5,
  kernelSize: 3,
  activation: "tanh",
  seed: 2,
  dtype,
  name: "last",
});
const head = nn.dense({ units: 3, seed: 5, dtype });

/** The network with one block from 0.2 to 1.4 for every two neighbouring ones of the times. */
const cut = (...times: number[]): nn.Sequential =>
  nn.sequential(
    [
      stem,
      ...times
        .slice(1)
        .map((t1, i) => nn.odeBlock(dynamics, { ...tight, t0: times[i]!, t1, name: `flow${i}` })),
      last,
      nn.globalAveragePool2d(),
      head,
    ],
    { inputShape: [13, 13, 3], dtype },
  );
const [t0, t1] = [0.2, 1.4];
const network = cut(t0, t1);
const image = random.normal(random.key(6), [13, 13, 3], { dtype });

/** Maps are float32 whatever the network is: they agree to rounding. */
const float32 = 1e-7;

const expectNear = (
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
): void => {
  const largest = Math.max(...Array.from(expected, Math.abs));
  expect(largest).toBeGreaterThan(0);
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++)
    expect(Math.abs(actual[i]! - expected[i]!)).toBeLessThan(tolerance * largest);
};

describe("depthCam", () => {
  test.each([gradCam, hiResCam, layerCam, eigenCam])(
    "is the map of the network cut there, $method.title",
    (method) => {
      const options = { classIndex: 1, relu: false };
      const depths = [1.1, 0.2, 0.43, 1.4, 0.9];
      const { maps, depths: given } = depthCam(network, image, { ...options, depths, method });
      expect(given).toEqual(depths);
      for (const [index, depth] of depths.entries()) {
        const [model, layer] =
          depth === t0
            ? [network, "stem"]
            : depth === t1
              ? [network, "flow0"]
              : [cut(t0, depth, t1), "flow0"];
        const expected = method(model, image, { ...options, layer });
        const { values, ...facts } = maps[index]!;
        expectNear(values, expected.values, float32);
        expect(facts.shape).toEqual([6, 6]);
        expect(facts.scoreValue).toBeCloseTo(expected.scoreValue, 9);
        expect(facts.method).toBe(method.method.name);
        expect(facts.layer).toBe("flow0");
        expect([facts.classIndex, facts.score]).toEqual([1, "logit"]);
        expect(facts.probability).toBeCloseTo(expected.probability!, 9);
      }
    },
  );

  test("a(t) is the score's derivative: that of what follows the depth, and its finite differences", () => {
    const depth = 0.8;
    const [first, second] = [cut(t0, depth, t1), cut(depth, t1)];
    const features = first.layers
      .slice(0, 2)
      .reduce<Tensor>((x, layer) => (layer as nn.Layer).forward(x), image.expandDims(0));
    const score = (x: Tensor): Tensor =>
      second.layers
        .slice(1)
        .reduce<Tensor>((value, layer) => (layer as nn.Layer).forward(value), x)
        .at(0)
        .at(2);
    const rest = (z: Tensor): number => score(z).item();
    const z = features.data();
    let square = 0;
    for (let i = 0; i < z.length; i++) {
      const moved = (by: number): Tensor =>
        tensor(
          Float64Array.from(z, (value, j) => (j === i ? value + by : value)),
          { shape: features.shape },
        );
      square += ((rest(moved(1e-4)) - rest(moved(-1e-4))) / 2e-4) ** 2;
    }
    const norm = Math.sqrt(grad(score)(features).square().sum().item());
    const { gradientNorms } = depthCam(network, image, { depths: [depth], classIndex: 2 });
    expect(gradientNorms[0]! / norm).toBeCloseTo(1, 9);
    expect(gradientNorms[0]! / Math.sqrt(square)).toBeCloseTo(1, 6);
  });

  test("one solve forward and one back, however many depths there are", () => {
    const reports: [string, number][] = [];
    const counted = nn.sequential(
      [
        stem,
        nn.odeBlock(dynamics, {
          rtol: 1e-6,
          atol: 1e-8,
          onStats: ({ direction, evaluations }) => reports.push([direction, evaluations]),
        }),
        last,
        nn.globalAveragePool2d(),
        head,
      ],
      { inputShape: [13, 13, 3], dtype },
    );
    const [few, many] = [2, 60].map((depths) => depthCam(counted, image, { depths }));
    expect(reports.map(([direction]) => direction)).toEqual(["forward", "forward"]);
    expect(many!.evaluations).toBe(few!.evaluations);
    expect(many!.maps).toHaveLength(60);
    expect([many!.depths[0], many!.depths.at(-1)]).toEqual([0, 1]);
    expect(few!.reconstruction).toBeLessThan(1e-6);
    // Depths are read from the interpolant: they do not change what is found at others.
    expect(few!.maps[0]!.values).toEqual(many!.maps[0]!.values);
  });

  test("the adjoint's error is controlled however small the score's derivative is", () => {
    const loose = { classIndex: 0, relu: false, rtol: 1e-5, atol: 1e-5, depths: [t0] };
    const map = (factor: number): ArrayLike<number> =>
      depthCam(network, image, {
        ...loose,
        target: (y: Tensor) => y.slice([0, 0], [1, 1]).reshape([1]).mul(factor),
        classIndex: undefined,
      } as never).maps[0]!.values;
    const [large, small] = [map(1), map(1e-9)];
    expectNear(
      Array.from(small, (value) => value * 1e9),
      large,
      float32,
    );
    expectNear(
      large,
      depthCam(network, image, { ...loose, rtol: 1e-11, atol: 1e-13 }).maps[0]!.values,
      1e-3,
    );
  });

  test("blocks in models within models, graphs, and backward in time", () => {
    const inner = nn.sequential(
      [nn.odeBlock(dynamics, { ...tight, t0: 1, t1: 0, name: "back" }), last],
      { inputShape: [6, 6, 4], dtype, name: "inner" },
    );
    const x = nn.input({ shape: [13, 13, 3], dtype });
    const early = stem.apply(x);
    const both = nn
      .add()
      .apply([
        nn.globalAveragePool2d().apply(inner.apply(early)),
        nn.dense({ units: 5, dtype, seed: 9 }).apply(nn.globalAveragePool2d().apply(early)),
      ]);
    const model = nn.model({
      inputs: x,
      outputs: nn.dense({ units: 3, seed: 5, dtype }).apply(both),
    });
    const { maps, depths } = depthCam(model, image, {
      depths: 3,
      classIndex: 0,
      layer: "inner/back",
    });
    expect(depths).toEqual([1, 0.5, 0]);
    expectNear(
      maps[2]!.values,
      gradCam(model, image, { layer: "inner/back", classIndex: 0 }).values,
      float32,
    );
    expect(depthCam(model, image, { depths: [0] }).maps[0]!.layer).toBe("inner/back");
  });

  test.each([
    [{ depths: [1.5] }, /depths from 0.2 to 1.4.*got 1.5/],
    [{ depths: [Number.NaN] }, /got NaN/],
    [{ depths: [] }, /depths from 0.2/],
    [{ depths: 1 }, /at least 2/],
    [{ layer: "stem" }, /an odeBlock, got "stem"/],
    [{ layer: "flow" }, /Most like it: flow0/],
    [{ method: fullGrad }, /method of one layer.*FullGrad/],
    [{ method: guidedGradCam }, /features and the score's derivative/],
    [{ classIndex: 3 }, /depthCam: classIndex: expected a class from 0 to 2, got 3/],
    [{ depth: [1] }, /depthCam.*depths|depthCam/],
  ])("%j is refused", (options, message) => {
    expect(() => depthCam(network, image, options as never)).toThrow(message);
  });

  test("networks without a block, and several images, are refused", () => {
    const plain = nn.sequential([stem, last, nn.globalAveragePool2d(), head], {
      inputShape: [13, 13, 3],
      dtype,
    });
    expect(() => depthCam(plain, image)).toThrow(ExplainError);
    expect(() => depthCam(plain, image)).toThrow(/an odeBlock/);
    expect(() =>
      depthCam(network, random.normal(random.key(1), [2, 13, 13, 3], { dtype })),
    ).toThrow(/one image, got 2/);
  });
});

describe("on shapes", () => {
  let network: nn.Sequential;
  beforeAll(() => {
    network = shapesOdeNet();
  });
  test("in float32, to the block's tolerance", () => {
    const { x } = shapes({ count: 1, seed: 3 });
    const image = x.at(0);
    const { maps, reconstruction } = depthCam(network, image, { depths: [0, 1], relu: false });
    expect(reconstruction).toBeLessThan(1e-2);
    expectNear(
      maps[1]!.values,
      gradCam(network, image, { layer: "flow", relu: false }).values,
      1e-4,
    );
  });
});
