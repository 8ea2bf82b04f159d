/** @file Methods by their definitions: closed forms, what must add up, finite differences, and the same computed one by one. */
import { describe, expect, test } from "vitest";
import {
  eigenCam,
  fullGrad,
  gradCam,
  guidedBackprop,
  hiResCam,
  inputXGradient,
  integratedGradients,
  occlusion,
  rise,
  saliency,
  smoothGrad,
} from "../../src/explain/index.ts";
import { gaussLegendre } from "../../src/explain/methods/image-gradients.ts";
import { type Tensor, grad, random, tensor } from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";
import { chain, imagesOf } from "./networks.ts";

const shape = [12, 10, 3];
const making = { channels: 3, dtype: "float64" } as const;
const network = chain(making);
const image = imagesOf(1, making).at(0);
/** What the methods explain: class 2's logit, of which the softmax is the network's end. */
const scoreOf = (x: Tensor): Tensor => {
  const logs = network.forward(x).log();
  return logs.sub(logs.mean([1], true)).at(2, 1);
};
/** The logit less the mean of all, as scoreOf has it. */
const centred = (outputs: Tensor): Tensor => outputs.sub(outputs.mean([1], true)).at(2, 1);
const each = { channels: "each", target: centred } as const;

function expectClose(
  found: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
): void {
  expect(found.length).toBe(expected.length);
  const largest = Math.max(...Array.from(expected, Math.abs));
  expect(largest).toBeGreaterThan(0);
  for (let i = 0; i < found.length; i++)
    expect(Math.abs(found[i]! - expected[i]!)).toBeLessThan(tolerance * largest);
}

const total = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0);

describe("a linear network", () => {
  const weights = random.normal(random.key(3), [12 * 10 * 3, 2]);
  const linear = nn.sequential([
    nn.flatten({ inputShape: shape }),
    nn.dense({ units: 2, kernelInitializer: () => weights }),
  ]);
  const x = random.normal(random.key(4), shape);
  const own = weights.transpose().at(1).data();
  const options = { classIndex: 1, channels: "each" } as const;

  test("has its weights for a gradient, noise or not", () => {
    expectClose(saliency(linear, x, options).values, own, 1e-6);
    expectClose(smoothGrad(linear, x, { ...options, samples: 9 }).values, own, 1e-5);
  });

  test("has weight times pixel for contributions, along any path", () => {
    const products = own.map((weight, i) => weight * x.data()[i]!);
    expectClose(inputXGradient(linear, x, options).values, products, 1e-6);
    expectClose(integratedGradients(linear, x, options).values, products, 1e-5);
    const window1 = occlusion(linear, x, { classIndex: 1, window: 1 });
    const pixels = Array.from({ length: 120 }, (_, p) =>
      [0, 1, 2].reduce((sum, c) => sum + products[3 * p + c]!, 0),
    );
    expectClose(window1.values, pixels, 1e-4);
  });

  test("and takes the largest magnitude of channels for saliency", () => {
    const magnitudes = Array.from({ length: 120 }, (_, p) =>
      Math.max(...[0, 1, 2].map((c) => Math.abs(own[3 * p + c]!))),
    );
    expectClose(saliency(linear, x, { classIndex: 1 }).values, magnitudes, 1e-6);
  });
});

describe("gradients", () => {
  test("are those of finite differences", () => {
    const found = saliency(network, image, each).values;
    const pixels = image.data() as Float64Array;
    const at = (index: number, by: number): number =>
      scoreOf(
        tensor(
          pixels.map((value, i) => (i === index ? value + by : value)),
          { shape: [1, ...shape] },
        ),
      ).item();
    const places = [0, 17, 100, 201, 359];
    const differences = places.map((i) => (at(i, 1e-6) - at(i, -1e-6)) / 2e-6);
    expectClose(
      places.map((i) => found[i]!),
      differences,
      1e-5,
    );
  });

  test("of noisy copies are averaged: smoothGrad, copy by copy", () => {
    const { samples, noise, seed } = { samples: 5, noise: 0.2, seed: 11 };
    const [least, most] = [Math.min(...image.data()), Math.max(...image.data())];
    let sum = image.zerosLike();
    for (let i = 0; i < samples; i++) {
      const draws = random.normal(random.foldIn(random.key(seed), i), shape, { dtype: "float64" });
      const noisy = image.add(draws.mul(noise * (most - least)));
      sum = sum.add(grad((x: Tensor) => scoreOf(x.expandDims(0)).sum())(noisy));
    }
    const found = smoothGrad(network, image, { ...each, samples, noise, seed, batchSize: 3 });
    expectClose(found.values, sum.div(samples).data(), 1e-6);
  });
});

describe("completeness", () => {
  test("integrated gradients add up to the score's difference, from any baseline", () => {
    for (const baseline of [0, 0.5, random.normal(random.key(9), shape, { dtype: "float64" })]) {
      const start = typeof baseline === "number" ? image.zerosLike().add(baseline) : baseline;
      const difference = scoreOf(image.expandDims(0))
        .sub(scoreOf(start.expandDims(0)))
        .item();
      const found = integratedGradients(network, image, { ...each, baseline, steps: 400 });
      expect(Math.abs(total(found.values) - difference)).toBeLessThan(0.005 * Math.abs(difference));
    }
  });

  test("image and biases together make up a network of ReLUs: what fullGrad adds up", () => {
    // The dense layer's own bias has no place: it is left out here.
    const x = nn.conv2d({
      filters: 4,
      kernelSize: 3,
      activation: "relu",
      seed: 1,
      inputShape: shape,
      biasInitializer: "ones",
    });
    const y = nn.batchNorm({ betaInitializer: "ones", seed: 2 });
    const plain = nn.sequential([
      x,
      y,
      nn.relu(),
      nn.maxPool2d(),
      nn.flatten(),
      nn.dense({ units: 2, seed: 4 }),
    ]);
    const picture = random.normal(random.key(4), shape);
    const score = plain.forward(picture.expandDims(0)).at(0).at(0).item();
    const cut = (bias: Tensor, after: number): number => {
      const upper = nn.sequential(plain.layers.slice(after) as nn.Layer[]);
      const lower = nn.sequential(plain.layers.slice(0, after) as nn.Layer[]);
      const maps = lower.forward(picture.expandDims(0));
      const slope = grad((a: Tensor) => upper.forward(a).at(0).at(0))(maps);
      return slope.mul(bias).sum().item();
    };
    // A convolution's bias acts where its activation is open: cut it off by a network without activation there.
    const open = x.forward(picture.expandDims(0)).greater(0).cast("float32");
    const maps = x.forward(picture.expandDims(0));
    const rest = nn.sequential(plain.layers.slice(1) as nn.Layer[]);
    const slope = grad((a: Tensor) => rest.forward(a).at(0).at(0))(maps);
    const ofConv = slope.mul(open).mul(x.bias!).sum().item();
    const ofNorm = cut(y.beta!, 2);
    const ofImage = total(inputXGradient(plain, picture, { classIndex: 0 }).values);
    expect(ofImage + ofConv + ofNorm).toBeCloseTo(score, 4);
    const found = fullGrad(plain, picture, { classIndex: 0 });
    expect(Math.min(...found.values)).toBeGreaterThanOrEqual(0);
    // Each channel is scaled to [0, 1]: three of the image, four of each bias.
    expect(Math.max(...found.values)).toBeLessThanOrEqual(3 + 4 + 4);
  });

  test("HiResCAM adds up to the score where the network is linear above the layer", () => {
    const pooled = nn.sequential([
      nn.conv2d({ filters: 4, kernelSize: 3, activation: "relu", name: "maps", inputShape: shape }),
      nn.globalAveragePool2d(),
      nn.dense({ units: 3 }),
    ]);
    const found = hiResCam(pooled, image.cast("float32"), { layer: "maps", relu: false });
    expect(total(found.values)).toBeCloseTo(found.scoreValue, 5);
    // Above an average all places have one gradient: Grad-CAM is the same map (Draelos and Carin 2020, section 4).
    const cam = gradCam(pooled, image.cast("float32"), { layer: "maps", relu: false });
    expectClose(cam.values, found.values, 1e-5);
  });
});

describe("masks", () => {
  test("RISE, mask by mask", () => {
    const options = { masks: 7, cells: 3, open: 0.4, seed: 5, classIndex: 2 } as const;
    const { cells } = options;
    const sum = new Float64Array(120);
    for (let i = 0; i < options.masks; i++) {
      const [forCells, forRows, forColumns] = random.split(random.foldIn(random.key(5), i), 3);
      const grid = random
        .uniform(forCells!, [cells, cells])
        .less(options.open)
        .toArray() as boolean[][];
      const axis = (key: Tensor, extent: number): number[] => {
        const cell = Math.ceil(extent / cells);
        const shift = random.randint(key, [], { max: cell }).item();
        return Array.from({ length: extent }, (_, p) => {
          const place = ((p + shift + 0.5) * cells) / ((cells + 1) * cell) - 0.5;
          return Math.min(cells - 1, Math.max(0, place));
        });
      };
      const [rows, columns] = [axis(forRows!, 12), axis(forColumns!, 10)];
      const mask = rows.flatMap((y) => columns.map((x) => bilinear(grid, y, x)));
      const masked = image.mul(tensor(mask, { shape: [12, 10, 1], dtype: "float64" }));
      const p = network.forward(masked.expandDims(0)).at(0).at(2).item();
      for (const [k, open] of mask.entries())
        sum[k]! += (p * open) / (options.masks * options.open);
    }
    expectClose(rise(network, image, { ...options, batchSize: 4 }).values, sum, 1e-6);
  });

  test("random methods follow their seed, whatever the size of batches", () => {
    for (const [method, options] of [
      [rise, { masks: 10 }],
      [smoothGrad, { samples: 10 }],
    ] as const) {
      const of = (more: object): Float32Array =>
        method(network, image, { ...options, ...more }).values;
      expectClose(of({ batchSize: 3 }), of({ batchSize: 10 }), 1e-6);
      expect(of({ seed: 1 })).not.toEqual(of({ seed: 2 }));
    }
  });
});

describe("guidedBackprop", () => {
  test("passes what is positive forwards and backwards, through relu6 below 6 only", () => {
    const steep = nn.sequential([
      nn.lambda((x: Tensor) => x.mul(tensor([1, 1, 1, -1])), { inputShape: [2, 2, 4] }),
      nn.relu({ maxValue: 6 }),
      nn.flatten(),
      nn.dense({
        units: 1,
        kernelInitializer: () =>
          tensor([[2], [-3], [5], [7], ...Array.from({ length: 12 }, () => [1])]),
      }),
    ]);
    const x = tensor([1, 1, 8, -2, ...Array<number>(12).fill(-1)], { shape: [2, 2, 4] });
    const { values } = guidedBackprop(steep, x, { channels: "each" });
    // Open and 2; open and -3; above 6; open by its sign, -7. Elsewhere only the fourth channels are open, with -1.
    const rest = [0, 0, 0, -1];
    expect([...values]).toEqual([2, 0, 0, -7, ...rest, ...rest, ...rest]);
  });

  test("refuses networks without a ReLU", () => {
    const smooth = nn.sequential([
      nn.conv2d({ filters: 2, kernelSize: 3, activation: "tanh", inputShape: shape }),
      nn.globalAveragePool2d(),
    ]);
    expect(() => guidedBackprop(smooth, image.cast("float32"))).toThrow(/no ReLU.*saliency/);
  });
});

describe("eigenCam", () => {
  test("has the sign along which channels add up to something positive", () => {
    const maps = nn.sequential([
      nn.lambda((x: Tensor) => x, { inputShape: [4, 4, 2], name: "maps" }),
      nn.globalAveragePool2d(),
    ]);
    const bump = Float32Array.from({ length: 32 }, (_, i) => (i >> 1) * (i % 2 === 0 ? 3 : -1));
    const { values } = eigenCam(maps, tensor(bump, { shape: [4, 4, 2] }), { relu: false });
    // One direction alone, (3, -1) / sqrt(10): what it adds up to is positive, so the map rises with the first channel.
    const expected = Array.from({ length: 16 }, (_, p) => (p - 7.5) * Math.sqrt(10));
    expectClose(values, expected, 1e-5);
    const turned = eigenCam(
      maps,
      tensor(
        bump.map((v) => -v),
        { shape: [4, 4, 2] },
      ),
      { relu: false },
    );
    expectClose(
      turned.values,
      expected.map((v) => -v),
      1e-5,
    );
  });
});

test("Gauss-Legendre rules integrate polynomials of degree 2 n - 1 exactly", () => {
  for (const n of [1, 2, 5, 50]) {
    const { nodes, weights } = gaussLegendre(n);
    for (let degree = 0; degree < Math.min(2 * n, 30); degree++) {
      const integral = nodes.reduce((sum, x, i) => sum + weights[i]! * x ** degree, 0);
      expect(Math.abs(integral * (degree + 1) - 1)).toBeLessThan(1e-13 * n);
    }
  }
});

function bilinear(grid: readonly (readonly boolean[])[], y: number, x: number): number {
  let sum = 0;
  for (const [i, row] of grid.entries())
    for (const [j, open] of row.entries())
      sum += open ? Math.max(0, 1 - Math.abs(y - i)) * Math.max(0, 1 - Math.abs(x - j)) : 0;
  return sum;
}
