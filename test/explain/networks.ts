/** @file Small networks for tests of explanations. */
import * as nn from "../../src/nn/index.ts";
import { type Tensor, random } from "../../src/index.ts";

/** What a network is made of. */
export interface Making {
  readonly channels?: 1 | 3;
  readonly dtype?: "float32" | "float64";
}

const shape = (channels: number): number[] => [12, 10, channels];

/** Images [N, 12, 10, channels]. */
export function imagesOf(batch: number, { channels = 3, dtype = "float32" }: Making = {}): Tensor {
  return random.normal(random.key(7), [batch, ...shape(channels)], { dtype });
}

const bias: nn.Initializer = (key, size, dtype) => random.normal(key, size, { dtype, std: 0.2 });
const biased = { biasInitializer: bias } as const;

/** The layers of one network, which the makers below arrange. */
function parts(channels: number, dtype: "float32" | "float64"): Record<string, nn.Layer> {
  return {
    first: nn.conv2d({
      filters: 4,
      kernelSize: 3,
      name: "first",
      dtype,
      seed: 1,
      activation: "relu",
      inputShape: shape(channels),
      ...biased,
    }),
    norm: nn.batchNorm({
      name: "norm",
      dtype,
      seed: 2,
      movingMeanInitializer: bias,
      betaInitializer: bias,
    }),
    second: nn.conv2d({
      filters: 4,
      kernelSize: 3,
      padding: "same",
      name: "second",
      dtype,
      seed: 3,
      activation: "relu",
      ...biased,
    }),
    last: nn.conv2d({
      filters: 6,
      kernelSize: 3,
      name: "last",
      dtype,
      seed: 4,
      activation: "relu",
      ...biased,
    }),
    pool: nn.maxPool2d({ name: "pool" }),
    flat: nn.flatten({ name: "flat" }),
    scores: nn.dense({
      units: 5,
      name: "scores",
      dtype,
      seed: 5,
      activation: "softmax",
      ...biased,
    }),
  };
}

/** One after another. */
export function chain({ channels = 3, dtype = "float32" }: Making = {}): nn.Sequential {
  return nn.sequential(Object.values(parts(channels, dtype)), {
    inputShape: shape(channels),
    dtype,
  });
}

/** The same function as a graph. */
export function graph({ channels = 3, dtype = "float32" }: Making = {}): nn.Model {
  const x = nn.input({ shape: shape(channels), dtype });
  const outputs = Object.values(parts(channels, dtype)).reduce((y, layer) => layer.apply(y), x);
  return nn.model({ inputs: x, outputs }) as nn.Model;
}

/** The same function with a model in a model. */
export function nested({ channels = 3, dtype = "float32" }: Making = {}): nn.Sequential {
  const { first, norm, second, last, ...head } = parts(channels, dtype);
  const encoder = nn.sequential([first!, norm!, second!, last!], {
    name: "encoder",
    dtype,
    inputShape: shape(channels),
  });
  return nn.sequential([encoder, ...Object.values(head)], { dtype });
}
