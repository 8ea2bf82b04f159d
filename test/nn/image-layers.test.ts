// Layers of images: wrong use, what they take besides their input shape, and values that are easily worked out.
import { describe, expect, test } from "vitest";
import {
  ArgumentError,
  DTypeError,
  ShapeError,
  type Tensor,
  jit,
  ones,
  random,
  tensor,
  zeros,
} from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";

type Wrong = readonly (readonly [() => unknown, new (...args: never[]) => Error, RegExp])[];

function expectErrors(wrong: Wrong): void {
  for (const [index, [run, type, message]] of wrong.entries()) {
    expect(run, `case ${index}`).toThrow(type);
    expect(run, `case ${index}`).toThrow(message);
  }
}

const { conv2d, conv2dTranspose, depthwiseConv2d, separableConv2d, maxPool2d } = nn;
const x = random.normal(random.key(1), [2, 8, 9, 4]);

describe("convolutions", () => {
  test("have Keras' kernels, in Keras' order", () => {
    const shapes = (layer: nn.Layer): string[] =>
      layer.namedParameters().map(([name, p]) => `${name} ${p.shape.join("x")}`);
    const inputShape = [8, 9, 4];
    expect(shapes(conv2d({ filters: 6, kernelSize: [3, 2], groups: 2, inputShape }))).toEqual([
      "kernel 3x2x2x6",
      "bias 6",
    ]);
    expect(shapes(conv2dTranspose({ filters: 6, kernelSize: [3, 2], inputShape }))).toEqual([
      "kernel 3x2x6x4",
      "bias 6",
    ]);
    expect(shapes(depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, inputShape }))).toEqual([
      "kernel 3x3x4x2",
      "bias 8",
    ]);
    const separable = separableConv2d({
      filters: 5,
      kernelSize: 3,
      depthMultiplier: 2,
      inputShape,
    });
    expect(shapes(separable)).toEqual([
      "depthwiseKernel 3x3x4x2",
      "pointwiseKernel 1x1x8x5",
      "bias 5",
    ]);
  });

  test("draw kernels from Glorot's range: a window counts in both fans", () => {
    const limit = Math.sqrt(6 / (9 * 4 + 9 * 20));
    const { kernel, bias } = conv2d({ filters: 20, kernelSize: 3, inputShape: [8, 9, 4] });
    const largest = Math.max(...kernel.data().map(Math.abs));
    expect(largest).toBeLessThanOrEqual(limit);
    expect(largest).toBeGreaterThan(0.98 * limit);
    expect(bias!.data().every((b) => b === 0)).toBe(true);
  });

  test("take images of other extents, but of the same channels and dtype", () => {
    const layer = conv2d({ filters: 2, kernelSize: 3, name: "first", inputShape: [5, 5, 4] });
    expect(layer.forward(x).shape).toEqual([2, 6, 7, 2]);
    expectErrors([
      [
        () => layer.forward(x.slice([0, 0, 0, 0], [2, 8, 9, 3])),
        ShapeError,
        /conv2d "first".*columns, 4\].*\[2, 8, 9, 3\]/,
      ],
      [() => layer.forward(x.at(0)), ShapeError, /conv2d "first".*expandDims/],
      [() => layer.forward(x.cast("float64")), DTypeError, /conv2d "first".*float32.*float64/],
      [() => layer.forward(x.slice([0, 0], [2, 2])), ShapeError, /conv2d/],
      [() => layer.forward([1] as never), ArgumentError, /conv2d "first".*tensor/],
      [() => conv2d({ filters: 2, kernelSize: 3 }).forward(x), ArgumentError, /inputShape/],
    ]);
  });

  test("wrong use is named", () => {
    const of = { filters: 4, kernelSize: 3 } as const;
    const inputShape = [8, 9, 4];
    expectErrors([
      [() => conv2d({ kernelSize: 3 } as never), ArgumentError, /filters.*undefined/],
      [() => conv2d({ ...of, filters: 0 }), ArgumentError, /filters.*positive.*got 0/],
      [() => conv2d({ filters: 4 } as never), ArgumentError, /kernelSize.*undefined/],
      [() => conv2d({ ...of, kernelSize: [3, 0] }), ArgumentError, /kernelSize.*\[3, 0\]/],
      [() => conv2d({ ...of, kernelSize: [3, 3, 3] as never }), ArgumentError, /kernelSize/],
      [() => conv2d({ ...of, strides: 0 }), ArgumentError, /strides.*at least 1.*got 0/],
      [() => conv2d({ ...of, strides: 1.5 }), ArgumentError, /strides.*1\.5/],
      [() => conv2d({ ...of, dilationRate: -1 }), ArgumentError, /dilationRate.*-1/],
      [
        () => conv2d({ ...of, strides: 2, dilationRate: 2, name: "a" }),
        ArgumentError,
        /conv2d "a".*strides \[2, 2\].*\[2, 2\]/,
      ],
      [
        () => conv2d({ ...of, padding: "causal" as never }),
        ArgumentError,
        /padding.*\[\[top, bottom\], \[left, right\]\].*"causal"/,
      ],
      [
        () => conv2d({ ...of, padding: [[1, 0], [-1]] as never }),
        ArgumentError,
        /padding.*\[\[1, 0\], \[-1\]\]/,
      ],
      [
        () =>
          nn.maxPool2d({
            padding: [
              [0, 0],
              [0, 2],
            ] as never,
          }),
        ArgumentError,
        /padding.*less than the window, \[2, 2\].*\[0,2\]/,
      ],
      [
        () => conv2d({ ...of, dataFormat: "channelsFirst" as never }),
        ArgumentError,
        /dataFormat.*channelsLast.*transpose/,
      ],
      [() => conv2d({ ...of, groups: 3 }), ArgumentError, /filters.*groups, 3.*4/],
      [
        () => conv2d({ filters: 3, kernelSize: 3, groups: 3, inputShape }),
        ShapeError,
        /groups, 3.*4 channels/,
      ],
      [() => conv2d({ ...of, algorithm: "fft" as never }), ArgumentError, /algorithm.*"fft"/],
      [() => conv2d({ ...of, useBias: 0 as never }), ArgumentError, /useBias.*got 0/],
      [() => conv2d({ ...of, kernel_size: 3 } as never), ArgumentError, /options.*kernel_size/],
      [() => conv2d({ ...of, inputShape: [28, 28] }), ShapeError, /\[28, 28, 1\]/],
      [() => conv2d({ ...of, inputShape: [0, 4, 4] }), ShapeError, /at least 1/],
      [
        () => conv2d({ ...of, kernelSize: 5, dilationRate: 2, inputShape }),
        ShapeError,
        /at least 9 x 9.*8 x 9.*"same"/,
      ],
      [
        () => nn.sequential([conv2d(of), maxPool2d({ poolSize: 9 })], { inputShape }),
        ShapeError,
        /maxPool2d ".*at least 9 x 9.*6 x 7/,
      ],
      [() => depthwiseConv2d({ kernelSize: 3, depthMultiplier: 0 }), ArgumentError, /depthM/],
      [
        () => depthwiseConv2d({ kernelSize: 3, filters: 4 } as never),
        ArgumentError,
        /depthwiseConv2d.*filters/,
      ],
      [
        () => depthwiseConv2d({ kernelSize: 3, inputShape }).forward(ones([1, 8, 9, 3])),
        ShapeError,
        /depthwiseConv2d/,
      ],
      [
        () => separableConv2d({ ...of, pointwiseInitializer: "xavier" as never }),
        ArgumentError,
        /pointwiseInitializer/,
      ],
      [
        () => conv2dTranspose({ ...of, strides: 2, outputPadding: 2 }),
        ArgumentError,
        /outputPadding.*less than strides.*\[2, 2\]/,
      ],
      [
        () => conv2dTranspose({ ...of, inputShape }).forward(ones([1, 8, 9, 3])),
        ShapeError,
        /conv2dTranspose.*columns, 4/,
      ],
    ]);
  });

  test("stand in a graph model, and know their output before they have parameters", () => {
    const layer = conv2d({ filters: 3, kernelSize: 3, padding: "same", strides: 2 });
    expect(layer.computeOutputShape([7, 8, 2])).toEqual([4, 4, 3]);
    expect(layer.parameters()).toEqual([]);
    expect(() => layer.computeOutputShape([8, 2])).toThrow(ShapeError);
  });
});

describe("pooling", () => {
  test("works without a known input shape", () => {
    expect(maxPool2d().forward(x).shape).toEqual([2, 4, 4, 4]);
    expect(nn.globalAveragePool2d().forward(x).shape).toEqual([2, 4]);
    const y = nn.globalMaxPool2d({ keepDims: true }).forward(x);
    expect(y.shape).toEqual([2, 1, 1, 4]);
    expect(y.data()).toEqual(x.max([1, 2]).data());
  });

  test("wrong use is named", () => {
    expectErrors([
      [() => maxPool2d({ poolSize: 0 }), ArgumentError, /poolSize.*got 0/],
      [() => maxPool2d({ pool: 2 } as never), ArgumentError, /maxPool2d.*poolSize.*pool/],
      [() => maxPool2d({ strides: [1] as never }), ArgumentError, /strides.*\[1\]/],
      [() => maxPool2d({ poolSize: 9, name: "p" }).forward(x), ShapeError, /maxPool2d "p".*8 x 9/],
      [() => maxPool2d().forward(x.at(0)), ShapeError, /maxPool2d.*\[8, 9, 4\].*expandDims/],
      [() => maxPool2d({ inputShape: [8, 9, 3] }).forward(x), ShapeError, /columns, 3/],
      [() => nn.averagePool2d({ padding: "full" as never }), ArgumentError, /padding.*"full"/],
      [() => nn.globalMaxPool2d({ keepDims: 1 as never }), ArgumentError, /keepDims.*got 1/],
      [() => nn.globalAveragePool2d({ inputShape: [4] }), ShapeError, /globalAveragePool2d/],
    ]);
  });
});

describe("shapes", () => {
  test("bilinear enlargement has pixels as areas", () => {
    const row = tensor([0, 4, 8], { shape: [1, 1, 3, 1], dtype: "float64" });
    const twice = nn.upSampling2d({ size: [1, 2], interpolation: "bilinear" }).forward(row);
    expect([...twice.data()]).toEqual([0, 1, 3, 5, 7, 8]);
    const thrice = nn.upSampling2d({ size: [2, 3], interpolation: "bilinear" }).forward(row);
    const expected = [0, 0, 4 / 3, 8 / 3, 4, 16 / 3, 20 / 3, 8, 8];
    expect(thrice.shape).toEqual([1, 2, 9, 1]);
    [...expected, ...expected].forEach((v, i) => expect(thrice.data()[i]).toBeCloseTo(v, 14));
  });

  test("flatten follows rows, columns, channels", () => {
    expect(nn.flatten().forward(x).data()).toEqual(x.data());
    expect(nn.flatten().forward(tensor([1, 2])).shape).toEqual([2, 1]);
  });

  test("wrong use is named", () => {
    expectErrors([
      [() => nn.reshape({} as never), ArgumentError, /targetShape.*undefined/],
      [() => nn.reshape({ targetShape: [-1, -1] }), ArgumentError, /targetShape.*\[-1, -1\]/],
      [
        () => nn.reshape({ targetShape: [5, -1], inputShape: [3, 4] }),
        ShapeError,
        /\[5, -1\].*12 elements/,
      ],
      [() => nn.reshape({ targetShape: [5] }).forward(x), ShapeError, /reshape.*\[8, 9, 4\]/],
      [() => nn.permute({ dims: [0, 1, 2] }), ArgumentError, /dims.*\[0, 1, 2\].*batch/],
      [() => nn.permute({ dims: [2, 1], inputShape: [3] }), ShapeError, /2 axes.*\[3\]/],
      [() => nn.permute({ dims: [2, 1] }).forward(x), ShapeError, /permute/],
      [() => nn.zeroPadding2d({ padding: -1 }), ArgumentError, /padding.*got -1/],
      [() => nn.zeroPadding2d({ padding: [[1], [2]] as never }), ArgumentError, /top, bottom/],
      [
        () =>
          nn
            .cropping2d({
              cropping: [
                [4, 4],
                [0, 0],
              ],
            })
            .forward(x),
        ShapeError,
        /8 rows.*8 x 9/,
      ],
      [() => nn.cropping2d({ cropping: 3, inputShape: [6, 9, 1] }), ShapeError, /6 x 9/],
      [() => nn.upSampling2d({ size: 0 }), ArgumentError, /size.*got 0/],
      [
        () => nn.upSampling2d({ interpolation: "bicubic" as never }),
        ArgumentError,
        /nearest, bilinear.*"bicubic"/,
      ],
      [() => nn.flatten({ dataFormat: "channelsFirst" as never }), ArgumentError, /channelsLast/],
    ]);
  });
});

describe("normalisation", () => {
  /** Mean and mean square of each row. */
  const moments = (y: Tensor): number[] => [...y.mean([1]).data(), ...y.square().mean([1]).data()];

  test("keeps its accuracy far from 0", () => {
    const rows = random.normal(random.key(3), [2, 4, 4, 8]).add(3000);
    for (const layer of [
      nn.groupNorm({ groups: 1, epsilon: 0, inputShape: [4, 4, 8] }),
      nn.layerNorm({ axis: [1, 2, 3], epsilon: 0, inputShape: [4, 4, 8] }),
    ])
      moments(layer.forward(rows).reshape([2, 128])).forEach((moment, i) =>
        expect(moment).toBeCloseTo(i < 2 ? 0 : 1, 3),
      );
  });

  test("takes few passes over its input", () => {
    const image = ones([16, 7, 7, 64]);
    for (const [layer, forward, passes] of [
      [nn.groupNorm({ inputShape: [7, 7, 64] }), 10, 3],
      [nn.layerNorm({ inputShape: [7, 7, 64] }), 5, 3],
    ] as const) {
      const text = jit((layer: nn.Layer, x: Tensor) => layer.forward(x)).listing(layer, image);
      expect(Number(/^kernels \((\d+)\)/m.exec(text)![1])).toBeLessThanOrEqual(forward);
      // Loops over all elements, however the compiler orders their axes.
      const large = [...text.matchAll(/^ {4}loop \[([\d, ]+)\]/gm)].filter(
        ([, extents]) =>
          extents!.split(",").reduce((size, n) => size * Number(n), 1) === image.size,
      );
      expect(large).toHaveLength(passes);
    }
  });

  test("wrong use is named", () => {
    expectErrors([
      [
        () => nn.groupNorm({ groups: 3, inputShape: [4, 4, 8] }),
        ShapeError,
        /3 groups.*8 channels/,
      ],
      [() => nn.groupNorm({ inputShape: [4, 4, 8] }), ShapeError, /32 groups.*8 channels.*-1/],
      [() => nn.groupNorm({ groups: 0 }), ArgumentError, /groups.*got 0/],
      [() => nn.groupNorm({ axis: 0, inputShape: [8] }), ArgumentError, /batch/],
      [() => nn.layerNorm({ axis: 4, inputShape: [8] }), ArgumentError, /axis in \[-2, 1\]/],
      [() => nn.layerNorm({ axis: [] }).grow([8]), ArgumentError, /axis/],
      [() => nn.layerNorm({ epsilon: -1 }), ArgumentError, /epsilon.*-1/],
      [() => nn.layerNorm({ center: "no" as never }), ArgumentError, /center.*"no"/],
      [() => nn.layerNorm().forward(x), ArgumentError, /inputShape/],
      [() => nn.layerNorm({ inputShape: [8, 9, 3] }).forward(x), ShapeError, /layerNorm/],
      [() => nn.layerNorm({ inputShape: [8, 9, 4] }).forward(x.at(0)), ShapeError, /layerNorm/],
      [
        () => nn.groupNorm({ groups: 2, inputShape: [8, 9, 4] }).forward(x.cast("float64")),
        DTypeError,
        /groupNorm.*float32/,
      ],
    ]);
  });
});

describe("normalization by statistics of data", () => {
  const samples = random.normal(random.key(7), [60, 3, 2], { mean: 5, std: 3, dtype: "float64" });

  test("finds mean and variance of each channel, in one batch or many", () => {
    const layer = nn.normalization({ dtype: "float64" });
    const adapted = layer.adapt(samples);
    expect(layer.inputShape).toBeUndefined();
    expect(adapted.inputShape).toEqual([3, 2]);
    const y = adapted.forward(samples);
    y.mean([0, 1])
      .data()
      .forEach((mean) => expect(mean).toBeCloseTo(0, 12));
    y.variance([0, 1])
      .data()
      .forEach((variance) => expect(variance).toBeCloseTo(1, 12));
    const inBatches = layer.adapt([
      samples.slice([0], [7]),
      samples.slice([7], [50]),
      samples.slice([50]),
    ]);
    for (const field of ["mean", "variance"] as const)
      inBatches[field]!.data().forEach((value, i) =>
        expect(value).toBeCloseTo(adapted[field]!.data()[i]!, 12),
      );
    const back = nn.normalization({ invert: true, dtype: "float64" }).adapt(samples);
    back
      .forward(y)
      .data()
      .forEach((value, i) => expect(value).toBeCloseTo(samples.data()[i]!, 12));
  });

  test("takes one mean of all, and statistics that broadcast", () => {
    const whole = nn.normalization({ axis: null }).adapt(samples);
    expect(whole.mean!.shape).toEqual([]);
    expect(whole.mean!.dtype).toBe("float32");
    expect(whole.mean!.item()).toBeCloseTo(samples.mean().item(), 5);
    const wide = nn.normalization({
      axis: [1, 2],
      mean: [1, 2],
      variance: [4, 9],
      inputShape: [3, 2],
    });
    // Constants, not variables: as in Keras, nothing to count or to keep.
    expect(wide.namedParameters()).toEqual([]);
    expect([...wide.forward(ones([1, 3, 2])).data()]).toEqual(
      [0, -1 / 3, 0, -1 / 3, 0, -1 / 3].map(Math.fround),
    );
  });

  test("is state, takes integers, and does nothing to them unless adapted", () => {
    const layer = nn.normalization({ inputShape: [3] });
    expect([...nn.statePaths(layer)]).toEqual(["mean", "variance", "count"]);
    expect(layer.parameterCount).toBe(2 * 3 + 1);
    const y = layer.forward(tensor([[1, 2, 3]], { dtype: "int32" }));
    expect(y.dtype).toBe("float32");
    expect([...y.data()]).toEqual([1, 2, 3]);
    // A channel that is always the same becomes 0, not NaN.
    expect(
      nn
        .normalization()
        .adapt(ones([4, 1]))
        .forward(ones([1, 1]))
        .item(),
    ).toBe(0);
  });

  test("wrong use is named", () => {
    expectErrors([
      [() => nn.normalization({ mean: 1 }), ArgumentError, /mean and variance, or neither/],
      [() => nn.normalization({ mean: [1], variance: 1 }), ArgumentError, /shapes \[1\] and \[\]/],
      [() => nn.normalization({ mean: 0, variance: -1 }), ArgumentError, /variance -1/],
      [
        () => nn.normalization({ mean: [1, 2], variance: [1, 2], inputShape: [3] }),
        ShapeError,
        /broadcast to \[3\].*\[2\]/,
      ],
      [() => nn.normalization().adapt([]), ArgumentError, /at least one sample/],
      [() => nn.normalization().adapt(3 as never), ArgumentError, /iterable.*got 3/],
      [() => nn.normalization().adapt([1] as never), ArgumentError, /batches.*got 1/],
      [
        () => nn.normalization({ inputShape: [3] }).adapt(zeros([2, 4])),
        ShapeError,
        /adapt.*\[3\].*\[4\]/,
      ],
      [
        () => nn.normalization({ inputShape: [3] }).forward(zeros([2, 3], { dtype: "float64" })),
        DTypeError,
        /float32/,
      ],
    ]);
  });
});

describe("elementwise layers", () => {
  test("rescaling makes floats of integers", () => {
    const layer = nn.rescaling({ scale: 1 / 127.5, offset: -1, inputShape: [2] });
    const y = layer.forward(tensor([[0, 255]], { dtype: "int32" }));
    expect(y.dtype).toBe("float32");
    expect([...y.data()]).toEqual([-1, 1]);
    expect(layer.computeOutputDType("int32")).toBe("float32");
  });

  test("have Keras' defaults", () => {
    const at = (layer: nn.Layer): number =>
      layer.forward(tensor([-1], { dtype: "float64" })).item();
    expect(at(nn.relu())).toBe(0);
    expect(at(nn.leakyRelu())).toBe(-0.3);
    expect(at(nn.activation({ activation: "leakyRelu" }))).toBe(-0.2);
    expect(at(nn.elu())).toBeCloseTo(Math.expm1(-1), 15);
    expect(at(nn.prelu({ inputShape: [], dtype: "float64" }))).toBe(-0);
  });

  test("wrong use is named", () => {
    expectErrors([
      [() => nn.relu({ maxValue: -1 }), ArgumentError, /maxValue.*at least 0.*-1/],
      [() => nn.relu({ threshold: NaN }), ArgumentError, /threshold.*NaN/],
      [() => nn.relu({ slope: 1 } as never), ArgumentError, /relu.*slope/],
      [() => nn.leakyRelu({ negativeSlope: "a" as never }), ArgumentError, /negativeSlope/],
      [() => nn.elu({ alpha: Infinity }), ArgumentError, /alpha.*Infinity/],
      [() => nn.prelu({ sharedAxes: [3], inputShape: [4, 4] }), ArgumentError, /sharedAxes/],
      [() => nn.prelu({ inputShape: [4] }).forward(x), ShapeError, /prelu.*\[4\]/],
      [() => nn.softmax({ axis: 0 }).forward(x), ArgumentError, /softmax.*batch/],
      [() => nn.activation({} as never), ArgumentError, /activation.*undefined/],
      [() => nn.activation({ activation: "relv" as never }), ArgumentError, /relu.*"relv"/],
      [() => nn.rescaling({} as never), ArgumentError, /scale.*undefined/],
      [() => nn.rescaling({ scale: [1, 2], inputShape: [3] }), ShapeError, /2 channels.*\[3\]/],
    ]);
  });
});
