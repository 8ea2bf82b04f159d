// A small convolutional network trained from a seed, large enough that its kernels are cut into chunks, condensed to a hash.

import { type Tensor, random } from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";
import { adam, trainer } from "../../src/optim/index.ts";
import { Hash } from "./hash.ts";

const options = { padding: "same", activation: "relu" } as const;

/** Every way of convolving, pooling and normalising that there is. */
const network = (): nn.Sequential =>
  nn.sequential(
    [
      nn.conv2d({ filters: 32, kernelSize: 5, ...options }),
      nn.conv2d({ filters: 32, kernelSize: 3, ...options }),
      nn.maxPool2d({ poolSize: 2 }),
      nn.depthwiseConv2d({ kernelSize: 3, ...options }),
      nn.batchNorm(),
      nn.conv2d({ filters: 64, kernelSize: 3, groups: 4, strides: 2, ...options }),
      nn.groupNorm({ groups: 8 }),
      nn.averagePool2d({ poolSize: 3, strides: 1, padding: "same" }),
      nn.conv2dTranspose({ filters: 16, kernelSize: 4, strides: 2, ...options }),
      nn.dropout({ rate: 0.2 }),
      nn.conv2d({ filters: 32, kernelSize: 1, activation: "silu" }),
      nn.globalAveragePool2d(),
      nn.dense({ units: 5 }),
    ],
    { inputShape: [28, 28, 3], seed: 1 },
  );

/** The same 16 hexadecimal digits on every machine and JavaScript engine, and on any number of threads. */
export function imageBits(steps = 3): string {
  const hash = new Hash();
  const [imageKey, labelKey] = random.split(random.key(30));
  const images = random.normal(imageKey!, [24, 28, 28, 3]);
  const labels = random.randint(labelKey!, [24], { min: 0, max: 5 });
  const t = trainer(
    network(),
    (model: nn.Sequential, batch: { images: Tensor; labels: Tensor }, key) =>
      nn.crossEntropy(model.forward(batch.images, nn.training(key)), batch.labels),
    adam({ learningRate: 1e-3 }),
  );
  for (let step = 0; step < steps; step++) hash.add(Float64Array.of(t.step({ images, labels })));
  for (const weights of t.model.parameters()) hash.add(weights.data());
  hash.add(t.model.forward(images).data());
  return hash.toString();
}
