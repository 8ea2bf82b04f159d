/** @file Whole models for the laws of file formats: small, and built as the well-known ones are. */
import type { Tensor } from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";

/** A model of one input, or several. */
export interface ModelCase {
  readonly make: () => nn.AnyLayer;
  /** Of one sample, an input. */
  readonly samples: readonly (readonly number[])[];
}

type Symbol = ReturnType<typeof nn.input>;

const conv = (filters: number, kernelSize = 3, strides = 1): nn.Conv2d =>
  nn.conv2d({ filters, kernelSize, strides, padding: "same", useBias: false });

function one(sample: readonly number[], body: (x: Symbol) => Symbol): ModelCase {
  const make = (): nn.AnyLayer => {
    const x = nn.input({ shape: sample, name: "image" });
    return nn.model({ inputs: x, outputs: body(x), seed: 3 }) as nn.AnyLayer;
  };
  return { make, samples: [sample] };
}

const normed = (x: Symbol, layer: nn.Layer): Symbol => nn.batchNorm().apply(layer.apply(x));
const relu6 = (x: Symbol): Symbol => nn.relu({ maxValue: 6 }).apply(x);

function residualBlock(x: Symbol, filters: number, strides: number): Symbol {
  const y = nn.relu().apply(normed(x, conv(filters, 3, strides)));
  const around = strides === 1 ? x : normed(x, conv(filters, 1, strides));
  return nn.relu().apply(nn.add().apply([normed(y, conv(filters)), around]));
}

function invertedResidual(x: Symbol): Symbol {
  const wide = relu6(normed(x, conv(12, 1)));
  const deep = relu6(
    normed(wide, nn.depthwiseConv2d({ kernelSize: 3, padding: "same", useBias: false })),
  );
  return nn.add().apply([x, normed(deep, conv(6, 1))]);
}

function squeezed(x: Symbol, channels: number): Symbol {
  const mean = nn.globalAveragePool2d().apply(x);
  const pixel = nn.reshape({ targetShape: [1, 1, channels] }).apply(mean);
  const few = nn.conv2d({ filters: 2, kernelSize: 1, activation: "silu" }).apply(pixel);
  const gate = nn.conv2d({ filters: channels, kernelSize: 1, activation: "sigmoid" }).apply(few);
  return nn.multiply().apply([x, gate]);
}

function dense(x: Symbol): Symbol {
  const inner = nn.relu().apply(nn.batchNorm().apply(x));
  return nn.concatenate().apply([x, conv(4).apply(inner)]);
}

const head = (x: Symbol): Symbol =>
  nn.dense({ units: 5, activation: "softmax" }).apply(nn.globalAveragePool2d().apply(x));

const fixed = { method: "rk4", steps: 3 } as const;

/** Cases by the model that they resemble. */
export const modelCases: Readonly<Record<string, ModelCase>> = {
  vgg: {
    make: () =>
      nn.sequential(
        [
          nn.conv2d({ filters: 6, kernelSize: 3, padding: "same", activation: "relu" }),
          nn.conv2d({ filters: 6, kernelSize: 3, padding: "same", activation: "relu" }),
          nn.maxPool2d(),
          nn.conv2d({ filters: 8, kernelSize: 3, padding: "same", activation: "relu" }),
          nn.maxPool2d(),
          nn.flatten(),
          nn.dense({ units: 10, activation: "relu" }),
          nn.dropout({ rate: 0.5 }),
          nn.dense({ units: 5, activation: "softmax" }),
        ],
        { inputShape: [16, 12, 3], seed: 1 },
      ),
    samples: [[16, 12, 3]],
  },
  resnet: one([18, 18, 3], (x) => {
    const padded = nn.zeroPadding2d({ padding: 3 }).apply(x);
    const stem = nn.conv2d({ filters: 6, kernelSize: 7, strides: 2 }).apply(padded);
    const y = nn.relu().apply(nn.batchNorm().apply(stem));
    const pooled = nn.maxPool2d({ poolSize: 3, strides: 2, padding: "same" }).apply(y);
    return head(residualBlock(residualBlock(pooled, 6, 1), 8, 2));
  }),
  mobilenet: one([14, 14, 3], (x) => head(invertedResidual(relu6(normed(x, conv(6, 3, 2)))))),
  efficientnet: one([12, 12, 3], (x) => {
    const scaled = nn.rescaling({ scale: 1 / 255 }).apply(x);
    const even = nn.normalization({ mean: [0.5, 0.4, 0.3], variance: [0.2, 0.3, 0.25] });
    const y = normed(even.apply(scaled), conv(6, 3, 2));
    return head(squeezed(nn.activation({ activation: "silu" }).apply(y), 6));
  }),
  densenet: one([12, 12, 3], (x) => {
    const y = dense(dense(conv(6).apply(x)));
    return head(nn.averagePool2d().apply(conv(7, 1).apply(y)));
  }),
  inception: one([9, 9, 4], (x) => {
    const pooled = nn.averagePool2d({ poolSize: 3, strides: 1, padding: "same" }).apply(x);
    return head(nn.concatenate().apply([conv(4, 1).apply(x), conv(3).apply(pooled)]));
  }),
  "image to image": one([6, 6, 2], (x) =>
    nn
      .conv2dTranspose({ filters: 2, kernelSize: 3, strides: 2, padding: "same" })
      .apply(nn.upSampling2d().apply(conv(4).apply(x))),
  ),
  "ODE of features": {
    make: () =>
      nn.sequential(
        [
          nn.odeBlock(
            nn.sequential([nn.dense({ units: 8, activation: "tanh" }), nn.dense({ units: 3 })]),
            fixed,
          ),
          nn.dense({ units: 2 }),
        ],
        { inputShape: [3], seed: 2 },
      ),
    samples: [[3]],
  },
  "ODE of images": {
    make: () =>
      nn.sequential(
        [
          conv(4),
          nn.odeBlock(nn.sequential([nn.groupNorm({ groups: 2 }), nn.relu(), conv(4)]), {
            method: "midpoint",
            stepSize: 0.3,
          }),
          nn.globalAveragePool2d(),
        ],
        { inputShape: [6, 6, 2], seed: 2 },
      ),
    samples: [[6, 6, 2]],
  },
  "two inputs, two outputs, a shared layer": {
    make: () => {
      const [a, b] = [nn.input({ shape: [4], name: "a" }), nn.input({ shape: [4], name: "b" })];
      const shared = nn.dense({ units: 3, activation: "elu", name: "shared" });
      const [p, q] = [shared.apply(a), shared.apply(b)];
      const outputs = [nn.subtract().apply([p, q]), nn.maximum().apply([p, q])];
      return nn.model({ inputs: [a, b], outputs, seed: 4 }) as nn.AnyLayer;
    },
    samples: [[4], [4]],
  },
  nested: {
    make: () => {
      const inner = nn.sequential([conv(3), nn.relu()], {
        inputShape: [5, 5, 2],
        name: "backbone",
      });
      return nn.sequential(
        [inner, nn.lambda((x: Tensor) => x.sum([1, 2]).sin()), nn.dense({ units: 2 })],
        { seed: 6 },
      );
    },
    samples: [[5, 5, 2]],
  },
};
