/**
 * @file What the files of this folder hold, said in the public interface: `make-files.ts` runs it on an older version, and the
 * test on this one. Names that have been renamed since the files were made differ between the two; that is all that may.
 */
import type * as core from "../../src/index.ts";
import type { Tensor } from "../../src/index.ts";
import type { LoadedModel } from "../../src/models/index.ts";
import type * as layers from "../../src/nn/index.ts";
import type * as ode from "../../src/ode/index.ts";
import type * as optim from "../../src/optim/index.ts";

/** The entrances of the version that runs a recipe. */
export interface Library {
  readonly core: typeof core;
  readonly ode: typeof ode;
  readonly nn: typeof layers;
  readonly optim: typeof optim;
}

/** Random elements of a shape; the same key gives the same bits in every version. */
export function drawn(
  { core }: Library,
  key: number,
  shape: readonly number[],
  dtype: core.DType,
  [min, max]: readonly [number, number] = [-1, 1],
): Tensor {
  return core.random.uniform(core.random.key(key), [...shape], {
    dtype: dtype as "float32",
    min,
    max,
  });
}

type AnyTrainer = optim.Trainer<unknown, { readonly x: Tensor; readonly y: Tensor }>;
interface Recipe {
  readonly make: () => AnyTrainer;
  readonly batch: (step: number) => { readonly x: Tensor; readonly y: Tensor };
}

/** Trainers whose checkpoints are kept: every optimiser, both precisions, state of layers, parameters that are not trained. */
export function trainers(library: Library): Readonly<Record<string, Recipe>> {
  const { nn, ode, optim } = library;
  class Dynamics extends nn.Module {
    net = nn.sequential(
      [
        nn.dense({ units: 6, activation: "tanh", inputShape: [3] }),
        nn.dense({ units: 3, trainable: true }),
      ],
      { seed: 5 },
    );
    forward(_t: Tensor, y: Tensor): Tensor {
      return this.net.forward(y.pow(3));
    }
  }
  const network = (dtype: "float32" | "float64"): layers.Sequential =>
    nn.sequential(
      [
        nn.dense({ units: 5, activation: "elu", dtype }),
        nn.batchNorm({ dtype }),
        nn.dropout({ rate: 0.25, dtype }),
        nn.dense({ units: 4, activation: "gelu", trainable: false, dtype }),
        nn.dense({ units: 2, dtype }),
      ],
      { inputShape: [3], seed: 11, dtype },
    );
  const batch = (dtype: core.DType, outputs: number) => (step: number) => ({
    x: drawn(library, 100 + step, [4, 3], dtype),
    y: drawn(library, 200 + step, [4, outputs], dtype),
  });
  const supervised = (dtype: "float32" | "float64", optimizer: optim.Optimizer): Recipe => ({
    make: () =>
      optim.trainer(
        network(dtype),
        (model: layers.Sequential, { x, y }: { x: Tensor; y: Tensor }, _key, mode) =>
          model.forward(x, mode).sub(y).square().mean(),
        optimizer,
        { seed: 7 },
      ),
    batch: batch(dtype, 2),
  });
  const { schedules } = optim;
  return {
    "adam-float32": supervised(
      "float32",
      optim.adam({ learningRate: schedules.exponential({ from: 0.1, rate: 0.9, steps: 3 }) }),
    ),
    "adamw-float64": supervised("float64", optim.adamw({ learningRate: 0.02, weightDecay: 0.1 })),
    "momentum-float64": supervised(
      "float64",
      optim.sgd({ learningRate: 0.05, momentum: 0.9, nesterov: true }),
    ),
    "clipped-float32": supervised(
      "float32",
      optim.chain(optim.clipByGlobalNorm(0.5), optim.sgd({ learningRate: 0.1, momentum: 0.5 })),
    ),
    "neural-ode": {
      make: () =>
        optim.trainer(
          new Dynamics(),
          (model: Dynamics, { x, y }: { x: Tensor; y: Tensor }) =>
            ode
              .odeint(model, x, [0, 0.5], { method: "rk4", stepSize: 0.25 })
              .slice([1])
              .sub(y)
              .abs()
              .mean(),
          optim.rmsprop({ learningRate: 1e-2 }),
        ),
      batch: batch("float32", 3),
    },
  };
}

/** A tree of every dtype with the elements that lose something when they travel as text. */
export function tree({ core: { tensor } }: Library): core.Tree {
  return {
    float32: tensor([0, -0, Number.NaN, Infinity, -Infinity, 1e-45, 3.4028234663852886e38, 0.1]),
    nested: [
      { float64: tensor([[-0, Number.NaN, 5e-324, Math.PI]], { dtype: "float64" }) },
      tensor([true, false, true], { dtype: "bool" }),
    ],
    "a name with.dots and ünïcode": tensor([-2147483648, 2147483647], { dtype: "int32" }),
    scalar: tensor(7, { dtype: "int32" }),
    empty: tensor([], { shape: [0, 3] }),
  };
}

/** What a program of a user's own noted down beside the tree. */
export const metadata = {
  epoch: 3,
  loss: 0.1234567890123,
  note: 'as it was – "quoted"\n',
  list: [1, null, true, { deep: [] }],
} as const;

/** Networks whose files are kept: every layer that files hold, in chains and graphs of a few each. */
export function networks({ nn }: Library): Readonly<Record<string, LoadedModel>> {
  const dense = (units: number): layers.Dense => nn.dense({ units, activation: "tanh" });
  const conv = (filters: number, strides = 1): layers.Conv2d =>
    nn.conv2d({ filters, kernelSize: 3, strides, padding: "same" });
  const of = (
    inputShape: readonly number[],
    items: layers.SequentialItem[],
    options: { seed?: number; dtype?: "float64" } = {},
  ): LoadedModel =>
    nn.sequential(items, { inputShape: [...inputShape], seed: 3, ...options }) as LoadedModel;
  const graph = (): LoadedModel => {
    const x = nn.input({ shape: [6, 6, 3], name: "image" });
    const shared = nn.conv2d({ filters: 3, kernelSize: 3, padding: "same", name: "shared" });
    const once = shared.apply(x);
    const twice = shared.apply(nn.relu().apply(once));
    const merged = [
      nn.add().apply([once, twice, x]),
      nn.subtract().apply([once, x]),
      nn.multiply().apply([once, twice]),
      nn.average().apply([once, x]),
      nn.maximum().apply([once, twice]),
      nn.minimum().apply([twice, x]),
      nn.divide().apply([once, nn.unary({ operation: "exp" }).apply(x)]),
    ];
    const head = nn.sequential([nn.flatten(), nn.dense({ units: 4, trainable: false })], {
      name: "head",
      seed: 2,
    });
    return nn.model({
      inputs: x,
      outputs: head.apply(nn.concatenate().apply(merged)),
      name: "graph",
      seed: 8,
    }) as LoadedModel;
  };
  return {
    images: of(
      [12, 11, 3],
      [
        nn.rescaling({ scale: 1 / 127.5, offset: -1 }),
        nn.zeroPadding2d({ padding: [1, 0] }),
        nn.conv2d({ filters: 8, kernelSize: [3, 2], strides: [2, 1], activation: "relu" }),
        nn.batchNorm({ momentum: 0.9, epsilon: 1e-4 }),
        nn.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, padding: "same" }),
        nn.groupNorm({ groups: 4 }),
        nn.separableConv2d({ filters: 6, kernelSize: 3, padding: "same", activation: "silu" }),
        nn.maxPool2d({ poolSize: 2, strides: 1 }),
        nn.localResponseNorm({ size: 3, alpha: 0.5 }),
        nn.conv2dTranspose({ filters: 4, kernelSize: 3, strides: 2, padding: "same" }),
        nn.cropping2d({
          cropping: [
            [0, 1],
            [1, 0],
          ],
        }),
        nn.averagePool2d({ poolSize: 3, strides: 2, padding: "same" }),
        nn.upSampling2d({ interpolation: "bilinear" }),
        nn.prelu({ sharedAxes: [1, 2] }),
        nn.globalAveragePool2d(),
        nn.dropout({ rate: 0.5 }),
        nn.dense({ units: 5, activation: "softmax" }),
      ],
    ),
    "more images": of(
      [9, 9, 4],
      [
        nn.conv2d({ filters: 8, kernelSize: 3, groups: 2, dilationRate: 2, padding: "same" }),
        nn.layerNorm({ axis: [1, 2, 3], epsilon: 1e-5 }),
        nn.conv2d({
          filters: 6,
          kernelSize: 3,
          strides: 2,
          padding: [
            [1, 1],
            [0, 2],
          ],
          algorithm: "direct",
        }),
        nn.elu({ alpha: 0.5 }),
        nn.residual([conv(6), nn.groupNorm({ groups: 1 })]),
        nn.residual(conv(4, 2), { shortcut: nn.conv2d({ filters: 4, kernelSize: 1, strides: 2 }) }),
        nn.globalMaxPool2d({ keepDims: true }),
        nn.flatten(),
        nn.logSoftmax(),
      ],
    ),
    vectors: of(
      [4, 6],
      [
        nn.normalization({ axis: 2, mean: 0.5, variance: 4, invert: true }),
        dense(6),
        nn.leakyRelu(),
        nn.arithmetic({ operation: "divide", operandShape: [4, 1] }),
        nn.pad({
          padding: [
            [0, 1],
            [2, 0],
          ],
          value: 0.5,
        }),
        nn.slice({ starts: [0, 1], stops: [5, 8], steps: [2, 1] }),
        nn.clip({ minValue: -0.61, maxValue: 0.33 }),
        nn.permute({ dims: [2, 1] }),
        nn.relu({ maxValue: 0.6, negativeSlope: 0.25, threshold: 0.2 }),
        nn.reshape({ targetShape: [3, -1] }),
        nn.unary({ operation: "erf" }),
        nn.softmax({ axis: [1, 2] }),
        nn.activation({ activation: "softplus" }),
        nn.reduce({ operation: "mean", axis: 1 }),
      ],
    ),
    float64: of(
      [5],
      [
        nn.dense({ units: 4, activation: "mish", dtype: "float64" }),
        nn.layerNorm({ dtype: "float64" }),
      ],
      {
        dtype: "float64",
      },
    ),
    graph: graph(),
    "ODE of features": of(
      [3],
      [
        nn.odeBlock(nn.sequential([dense(5), nn.dense({ units: 3 })]), {
          t1: 0.7,
          method: "dopri5",
          rtol: 1e-5,
          atol: 1e-7,
          gradient: "checkpoint",
        }),
        nn.dense({ units: 2 }),
      ],
    ),
    "ODE of images": of(
      [6, 6, 2],
      [
        conv(4),
        nn.odeBlock(nn.sequential([nn.groupNorm({ groups: 2 }), nn.relu(), conv(4)]), {
          method: "midpoint",
          stepSize: 0.3,
        }),
        nn.globalAveragePool2d(),
      ],
    ),
  };
}
