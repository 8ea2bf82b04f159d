/** @file Layers with typical inputs: what the laws of layers run over. A new layer is a line here. */
import type { Tensor } from "../../src/index.ts";
import type { LayerOptions } from "../../src/nn/index.ts";
import * as nn from "../../src/nn/index.ts";

/** One layer and one shape of samples. */
export interface LayerCase {
  /** The layer, with options that all layers have. */
  readonly make: (base: LayerOptions) => nn.Layer;
  /** Of one sample. */
  readonly sample: readonly number[];
  /** Of one output sample. */
  readonly output: readonly number[];
  /** Numbers in all parameters, as Keras counts them. */
  readonly parameters: number;
}

const { conv2d, conv2dTranspose, depthwiseConv2d, separableConv2d } = nn;

function layer(
  make: (base: LayerOptions) => nn.Layer,
  sample: readonly number[],
  output: readonly number[],
  parameters = 0,
): LayerCase {
  return { make, sample, output, parameters };
}

/** Cases by the kind of layer. */
export const layerCases: Readonly<Record<string, readonly LayerCase[]>> = {
  conv2d: [
    layer((b) => conv2d({ filters: 5, kernelSize: 3, ...b }), [7, 6, 3], [5, 4, 5], 140),
    layer(
      (b) => conv2d({ filters: 4, kernelSize: 3, padding: "same", activation: "tanh", ...b }),
      [5, 6, 8],
      [5, 6, 4],
      292,
    ),
    layer(
      (b) =>
        conv2d({
          filters: 4,
          kernelSize: 3,
          strides: 2,
          padding: [
            [1, 1],
            [0, 2],
          ],
          ...b,
        }),
      [6, 5, 2],
      [3, 3, 4],
      76,
    ),
    layer(
      (b) => conv2d({ filters: 4, kernelSize: [3, 2], strides: [2, 1], padding: "same", ...b }),
      [8, 5, 4],
      [4, 5, 4],
      100,
    ),
    layer(
      (b) => conv2d({ filters: 6, kernelSize: 3, groups: 2, dilationRate: 2, ...b }),
      [7, 8, 4],
      [3, 4, 6],
      114,
    ),
    layer(
      (b) => conv2d({ filters: 8, kernelSize: 1, useBias: false, algorithm: "direct", ...b }),
      [4, 3, 5],
      [4, 3, 8],
      40,
    ),
    // Large enough for transforms with fewer products.
    layer(
      (b) => conv2d({ filters: 16, kernelSize: 3, padding: "same", ...b }),
      [6, 6, 16],
      [6, 6, 16],
      2320,
    ),
  ],
  conv2dTranspose: [
    layer((b) => conv2dTranspose({ filters: 2, kernelSize: 3, ...b }), [3, 4, 3], [5, 6, 2], 56),
    layer(
      (b) => conv2dTranspose({ filters: 2, kernelSize: 3, strides: 2, padding: "same", ...b }),
      [3, 4, 3],
      [6, 8, 2],
      56,
    ),
    layer(
      (b) =>
        conv2dTranspose({
          filters: 2,
          kernelSize: 3,
          strides: 2,
          padding: [
            [1, 1],
            [0, 1],
          ],
          outputPadding: [1, 0],
          ...b,
        }),
      [3, 4, 3],
      [6, 8, 2],
      56,
    ),
    layer(
      (b) => conv2dTranspose({ filters: 3, kernelSize: 2, strides: 3, useBias: false, ...b }),
      [3, 2, 2],
      [9, 6, 3],
      24,
    ),
    layer(
      (b) =>
        conv2dTranspose({
          filters: 2,
          kernelSize: [3, 4],
          strides: [2, 3],
          outputPadding: [1, 2],
          padding: "same",
          ...b,
        }),
      [3, 2, 2],
      [6, 5, 2],
      50,
    ),
    layer(
      (b) => conv2dTranspose({ filters: 2, kernelSize: 2, dilationRate: 2, ...b }),
      [3, 4, 2],
      [5, 6, 2],
      18,
    ),
  ],
  depthwiseConv2d: [
    layer((b) => depthwiseConv2d({ kernelSize: 3, ...b }), [6, 5, 8], [4, 3, 8], 80),
    layer(
      (b) =>
        depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, strides: 2, padding: "same", ...b }),
      [6, 7, 3],
      [3, 4, 6],
      60,
    ),
  ],
  separableConv2d: [
    layer(
      (b) => separableConv2d({ filters: 5, kernelSize: 3, activation: "silu", ...b }),
      [6, 5, 4],
      [4, 3, 5],
      61,
    ),
    layer(
      (b) =>
        separableConv2d({
          filters: 4,
          kernelSize: 3,
          depthMultiplier: 2,
          dilationRate: 2,
          padding: "same",
          useBias: false,
          ...b,
        }),
      [6, 5, 2],
      [6, 5, 4],
      52,
    ),
  ],
  maxPool2d: [
    layer((b) => nn.maxPool2d(b), [7, 6, 3], [3, 3, 3]),
    layer(
      (b) => nn.maxPool2d({ poolSize: 3, strides: 2, padding: "same", ...b }),
      [6, 5, 4],
      [3, 3, 4],
    ),
    layer(
      (b) =>
        nn.maxPool2d({
          poolSize: 3,
          strides: 2,
          padding: [
            [1, 1],
            [1, 0],
          ],
          ...b,
        }),
      [6, 5, 4],
      [3, 2, 4],
    ),
  ],
  averagePool2d: [
    layer((b) => nn.averagePool2d(b), [7, 6, 3], [3, 3, 3]),
    layer(
      (b) => nn.averagePool2d({ poolSize: [3, 2], strides: 1, padding: "same", ...b }),
      [5, 4, 4],
      [5, 4, 4],
    ),
  ],
  globalAveragePool2d: [
    layer((b) => nn.globalAveragePool2d(b), [7, 7, 6], [6]),
    layer((b) => nn.globalAveragePool2d({ keepDims: true, ...b }), [3, 5, 4], [1, 1, 4]),
  ],
  globalMaxPool2d: [
    layer((b) => nn.globalMaxPool2d(b), [5, 4, 6], [6]),
    layer((b) => nn.globalMaxPool2d({ keepDims: true, ...b }), [3, 5, 4], [1, 1, 4]),
  ],
  layerNorm: [
    layer((b) => nn.layerNorm(b), [4, 3, 6], [4, 3, 6], 12),
    layer((b) => nn.layerNorm({ axis: [1, 2, 3], epsilon: 1e-5, ...b }), [3, 2, 4], [3, 2, 4], 48),
    layer((b) => nn.layerNorm({ axis: 1, center: false, ...b }), [5, 4], [5, 4], 5),
    layer((b) => nn.layerNorm({ scale: false, center: false, ...b }), [7], [7]),
  ],
  groupNorm: [
    layer((b) => nn.groupNorm({ groups: 4, ...b }), [3, 4, 8], [3, 4, 8], 16),
    layer((b) => nn.groupNorm({ groups: 1, scale: false, ...b }), [3, 4, 6], [3, 4, 6], 6),
    layer((b) => nn.groupNorm({ groups: -1, epsilon: 1e-5, ...b }), [4, 4, 5], [4, 4, 5], 10),
    layer((b) => nn.groupNorm({ groups: 2, axis: 1, center: false, ...b }), [6, 3], [6, 3], 6),
    layer((b) => nn.groupNorm({ ...b }), [64], [64], 128),
  ],
  normalization: [
    layer((b) => nn.normalization(b), [3, 2, 4], [3, 2, 4], 9),
    layer(
      (b) => nn.normalization({ axis: [1, 3], mean: 0.5, variance: 4, invert: true, ...b }),
      [3, 2, 4],
      [3, 2, 4],
    ),
    layer((b) => nn.normalization({ axis: null, mean: 1, variance: 0.1, ...b }), [5], [5]),
  ],
  rescaling: [
    layer((b) => nn.rescaling({ scale: 1 / 127.5, offset: -1, ...b }), [4, 3, 3], [4, 3, 3]),
    layer((b) => nn.rescaling({ scale: [1, 2, 4], offset: [0, 1, 2], ...b }), [2, 3], [2, 3]),
  ],
  flatten: [
    layer((b) => nn.flatten(b), [3, 4, 2], [24]),
    layer((b) => nn.flatten(b), [5], [5]),
    layer((b) => nn.flatten(b), [], [1]),
  ],
  reshape: [
    layer((b) => nn.reshape({ targetShape: [6, 4], ...b }), [3, 4, 2], [6, 4]),
    layer((b) => nn.reshape({ targetShape: [2, -1, 3], ...b }), [24], [2, 4, 3]),
  ],
  permute: [layer((b) => nn.permute({ dims: [2, 3, 1], ...b }), [3, 4, 5], [4, 5, 3])],
  zeroPadding2d: [
    layer((b) => nn.zeroPadding2d(b), [3, 4, 2], [5, 6, 2]),
    layer((b) => nn.zeroPadding2d({ padding: [2, 0], ...b }), [3, 4, 2], [7, 4, 2]),
    layer(
      (b) =>
        nn.zeroPadding2d({
          padding: [
            [0, 1],
            [2, 0],
          ],
          ...b,
        }),
      [3, 4, 2],
      [4, 6, 2],
    ),
  ],
  cropping2d: [
    layer((b) => nn.cropping2d({ cropping: 1, ...b }), [5, 4, 2], [3, 2, 2]),
    layer(
      (b) =>
        nn.cropping2d({
          cropping: [
            [0, 2],
            [1, 0],
          ],
          ...b,
        }),
      [5, 4, 2],
      [3, 3, 2],
    ),
  ],
  upSampling2d: [
    layer((b) => nn.upSampling2d(b), [3, 4, 2], [6, 8, 2]),
    layer((b) => nn.upSampling2d({ size: [3, 1], ...b }), [2, 3, 4], [6, 3, 4]),
    layer((b) => nn.upSampling2d({ interpolation: "bilinear", ...b }), [3, 4, 2], [6, 8, 2]),
    layer(
      (b) => nn.upSampling2d({ size: [3, 4], interpolation: "bilinear", ...b }),
      [1, 3, 4],
      [3, 12, 4],
    ),
  ],
  relu: [
    layer((b) => nn.relu(b), [4, 5], [4, 5]),
    layer(
      (b) => nn.relu({ maxValue: 0.6, negativeSlope: 0.25, threshold: 0.2, ...b }),
      [4, 5],
      [4, 5],
    ),
  ],
  leakyRelu: [layer((b) => nn.leakyRelu(b), [4, 5], [4, 5])],
  arithmetic: [
    layer((b) => nn.arithmetic({ operation: "add", operandShape: [3], ...b }), [4, 3], [4, 3], 3),
    layer(
      (b) => nn.arithmetic({ operation: "divide", operandShape: [2, 1], operandFirst: true, ...b }),
      [2, 4],
      [2, 4],
      2,
    ),
    layer(
      (b) => nn.arithmetic({ operation: "subtract", operandShape: [3], ...b }),
      [4, 3],
      [4, 3],
      3,
    ),
    layer((b) => nn.arithmetic({ operation: "multiply", ...b }), [5], [5], 1),
    layer((b) => nn.arithmetic({ operation: "maximum", operandShape: [5], ...b }), [5], [5], 5),
    layer((b) => nn.arithmetic({ operation: "minimum", operandShape: [5], ...b }), [5], [5], 5),
  ],
  clip: [
    layer((b) => nn.clip({ minValue: -0.61, maxValue: 0.33, ...b }), [4, 5], [4, 5]),
    layer((b) => nn.clip({ maxValue: 0.33, ...b }), [4, 5], [4, 5]),
  ],
  localResponseNorm: [
    layer((b) => nn.localResponseNorm({ alpha: 2, ...b }), [2, 3, 8], [2, 3, 8]),
    layer(
      (b) => nn.localResponseNorm({ size: 4, alpha: 1, beta: 0.5, k: 2, ...b }),
      [3, 2, 2],
      [3, 2, 2],
    ),
  ],
  logSoftmax: [
    layer((b) => nn.logSoftmax(b), [4, 5], [4, 5]),
    layer((b) => nn.logSoftmax({ axis: [1, 2], ...b }), [4, 5, 2], [4, 5, 2]),
  ],
  pad: [
    layer(
      (b) =>
        nn.pad({
          padding: [
            [0, 1],
            [2, 0],
          ],
          value: 0.5,
          ...b,
        }),
      [3, 4],
      [4, 6],
    ),
  ],
  reduce: [
    layer((b) => nn.reduce({ operation: "mean", axis: [1, 2], ...b }), [3, 4, 2], [2]),
    layer((b) => nn.reduce({ operation: "sum", axis: -1, keepDims: true, ...b }), [3, 4], [3, 1]),
    layer((b) => nn.reduce({ operation: "max", axis: 1, ...b }), [3, 4], [4]),
    layer((b) => nn.reduce({ operation: "min", axis: 2, ...b }), [3, 4], [3]),
  ],
  slice: [
    layer((b) => nn.slice({ starts: [1, 0], stops: [3, 9], ...b }), [4, 5], [2, 5]),
    layer((b) => nn.slice({ starts: [0, 1], stops: [4, 5], steps: [3, 2], ...b }), [4, 5], [2, 2]),
  ],
  unary: [
    layer((b) => nn.unary({ operation: "erf", ...b }), [4, 5], [4, 5]),
    layer((b) => nn.unary({ operation: "exp", ...b }), [5], [5]),
    layer((b) => nn.unary({ operation: "abs", ...b }), [5], [5]),
    layer((b) => nn.unary({ operation: "negate", ...b }), [5], [5]),
    layer((b) => nn.unary({ operation: "reciprocal", ...b }), [4], [4]),
  ],
  elu: [layer((b) => nn.elu({ alpha: 0.5, ...b }), [4, 5], [4, 5])],
  prelu: [
    layer((b) => nn.prelu(b), [4, 5], [4, 5], 20),
    layer((b) => nn.prelu({ sharedAxes: [1, 2], ...b }), [3, 4, 5], [3, 4, 5], 5),
  ],
  softmax: [
    layer((b) => nn.softmax(b), [4, 5], [4, 5]),
    layer((b) => nn.softmax({ axis: [1, 2], ...b }), [4, 5, 2], [4, 5, 2]),
  ],
  activation: [
    layer((b) => nn.activation({ activation: "gelu", ...b }), [4, 5], [4, 5]),
    layer((b) => nn.activation({ activation: (x) => x.sin(), ...b }), [3], [3]),
  ],
  dense: [layer((b) => nn.dense({ units: 3, activation: "tanh", ...b }), [4, 5], [4, 3], 18)],
  batchNorm: [
    layer((b) => nn.batchNorm(b), [4, 3, 5], [4, 3, 5], 20),
    layer((b) => nn.batchNorm({ center: false, scale: false, ...b }), [6], [6], 12),
  ],
  dropout: [layer((b) => nn.dropout({ rate: 0.5, ...b }), [4, 5], [4, 5])],
  lambda: [layer((b) => nn.lambda((x: Tensor) => x.sin().sum(-1), b), [4, 5], [4])],
  residual: [
    layer(
      (b) =>
        nn.residual(
          [nn.conv2d({ filters: 3, kernelSize: 3, padding: "same" }), nn.groupNorm({ groups: 1 })],
          b,
        ),
      [5, 4, 3],
      [5, 4, 3],
      90,
    ),
    layer(
      (b) =>
        nn.residual(nn.conv2d({ filters: 4, kernelSize: 3, strides: 2, padding: "same" }), {
          shortcut: nn.conv2d({ filters: 4, kernelSize: 1, strides: 2 }),
          ...b,
        }),
      [5, 4, 3],
      [3, 2, 4],
      128,
    ),
  ],
  sequential: [
    layer(
      (b) =>
        nn.sequential(
          [
            nn.conv2d({ filters: 4, kernelSize: 3, activation: "tanh" }),
            nn.averagePool2d(),
            nn.flatten(),
            nn.dense({ units: 3 }),
          ],
          b,
        ),
      [6, 6, 2],
      [3],
      127,
    ),
  ],
};
