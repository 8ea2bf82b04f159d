// Workload F: training steps of the MNIST networks of Chen et al. 2018, section 3, at batch 128: the ODE-Net (dopri5, tolerance
// 1e-3, adjoint gradient) and its residual twin, with SGD of momentum 0.9, on random images. A step is forward, cross-entropy,
// gradient and update: one `trainer.step`, which copies the batch in and the loss out.

import { type Tensor, floor, random } from "adjoint";
import * as nn from "adjoint/nn";
import { sgd, trainer } from "adjoint/optim";
import { OdeNet, ResNet } from "../examples/mnist/networks.ts";
import { type Measurement, median, summarise } from "./measure.ts";

const filters = 64;
const batchSize = 128;
/** As many as the peer makes and times: what the solver has to do changes while training. */
const settling = 2;
const steps = 12;

interface Batch {
  readonly x: Tensor; // [128, 28, 28, 1]
  readonly y: Tensor; // [128], int32
}

type Network = nn.Module & { forward(x: Tensor): Tensor };

/** Milliseconds of the steps, and the loss before the first. `after` is called after each step that counts. */
function train(network: Network, after: () => void = () => {}): { times: number[]; loss0: number } {
  const [imageKey, labelKey] = random.split(random.key(0));
  const batch: Batch = {
    x: random.uniform(imageKey, [batchSize, 28, 28, 1]),
    y: floor(random.uniform(labelKey, [batchSize]).mul(10)).cast("int32"),
  };
  const training = trainer(
    network,
    (model: Network, { x, y }: Batch) => nn.crossEntropy(model.forward(x), y),
    sgd({ learningRate: 0.1, momentum: 0.9 }),
  );
  const times: number[] = [];
  let loss0 = Number.NaN;
  for (let i = 0; i < settling + steps; i++) {
    const start = performance.now();
    const loss = training.step(batch);
    if (i === 0) loss0 = loss;
    if (i >= settling) times.push(performance.now() - start);
    after();
  }
  return { times, loss0 };
}

function odeNet(): Measurement {
  const counts = { forward: 0, backward: 0 };
  const all: { forward: number; backward: number }[] = [];
  const network = new OdeNet(filters, 0, {
    tolerance: 1e-3,
    gradient: "adjoint",
    onStats: ({ direction, evaluations }) => void (counts[direction] += evaluations),
  });
  const { times, loss0 } = train(network, () => {
    all.push({ ...counts });
    counts.forward = counts.backward = 0;
  });
  const counted = all.slice(settling);
  return summarise("F.odenet_step", times, {
    loss0,
    nfe_fwd: median(counted.map((c) => c.forward)),
    nfe_bwd: median(counted.map((c) => c.backward)),
    parameters: network.parameterCount,
  });
}

export function* run(): Iterable<Measurement> {
  yield odeNet();
  const network = new ResNet(filters, 0);
  const { times, loss0 } = train(network);
  yield summarise("F.resnet_step", times, { loss0, parameters: network.parameterCount });
}
