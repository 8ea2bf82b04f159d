/** @file The second part of the demo: the spiral of torchdiffeq's own example, trained by the adjoint method. */
import { join } from "node:path";
import { type Tensor, jit, random, tensor } from "../../index.ts";
import * as nn from "../../nn/index.ts";
import { odeint, odeintAdjoint } from "../../ode/index.ts";
import { rmsprop, trainer } from "../../optim/index.ts";
import type { LossPoint } from "../../series/index.ts";
import type { Context } from "../command.ts";
import { lossCurve } from "../plot/loss.ts";
import { phasePortrait } from "../plot/phase.ts";
import { savePicture } from "../plot/save.ts";
import { startProgress } from "../progress.ts";

const points = 1000;
const end = 25;
const batchSize = 20;
const batchPoints = 10;
const iterations = 2000;

/** y' = f(y³): the true field is linear in the cubes, so the network gets them too. */
class Dynamics extends nn.Module {
  readonly net: nn.Sequential;

  constructor(seed: number) {
    super();
    const kernelInitializer = nn.initializers.randomNormal({ std: 0.1 });
    this.net = nn.sequential(
      [
        nn.dense({ units: 50, activation: "tanh", kernelInitializer }),
        nn.dense({ units: 2, kernelInitializer }),
      ],
      { inputShape: [2], seed },
    );
  }

  forward(_t: Tensor, y: Tensor): Tensor {
    return this.net.forward(y.pow(3));
  }
}

/** Every column of an [n, 2] array. */
function columns(data: ArrayLike<number>): { x: Float64Array; y: Float64Array } {
  const column = (c: number): Float64Array =>
    Float64Array.from({ length: data.length / 2 }, (_, i) => data[2 * i + c]!);
  return { x: column(0), y: column(1) };
}

/** Trains the spiral and leaves its pictures in the folder, which exists. */
export async function trainSpiral(folder: string, context: Context): Promise<void> {
  context.say(
    `Spiral: ${iterations} iterations of dopri5 and adjoint, ${batchSize} trajectories of ${batchPoints} points each`,
  );
  const ts = Array.from({ length: points }, (_, i) => (end * i) / (points - 1));
  const a = tensor([
    [-0.1, 2],
    [-2, -0.1],
  ]);
  const y0 = tensor([[2, 0]]);
  const truth = odeint((_t, y: Tensor) => y.pow(3).matmul(a), y0, ts).reshape([points, 2]);
  const times = ts.slice(0, batchPoints);

  let evaluations = 0;
  const onStats = (stats: { readonly evaluations: number }): void => {
    evaluations += stats.evaluations;
  };
  const training = trainer(
    new Dynamics(context.seed),
    (model, batch: { readonly y0: Tensor; readonly ys: Tensor }) =>
      odeintAdjoint(model, batch.y0, times, { onStats }).sub(batch.ys).abs().mean(),
    rmsprop({ learningRate: 1e-3 }),
  );
  // One draw for all iterations: which points the trajectories of each begin at.
  const key = random.key(context.seed);
  const starts = random.randint(key, [iterations, batchSize], { max: points - batchPoints }).data();
  const samples = truth.data() as Float32Array;
  const batchAt = (iteration: number): { y0: Tensor; ys: Tensor } => {
    const ys = new Float32Array(batchPoints * batchSize * 2);
    for (let b = 0; b < batchSize; b++) {
      const from = starts[iteration * batchSize + b]!;
      for (let j = 0; j < batchPoints; j++) {
        ys.set(samples.subarray(2 * (from + j), 2 * (from + j + 1)), 2 * (j * batchSize + b));
      }
    }
    return {
      y0: tensor(ys.slice(0, 2 * batchSize), { shape: [batchSize, 2] }),
      ys: tensor(ys, { shape: [batchPoints, batchSize, 2] }),
    };
  };
  const follow = jit((model: Dynamics) => odeint(model, y0, ts, { rtol: 1e-5, atol: 1e-6 }));
  const whole = (model: Dynamics): number =>
    follow(model).reshape([points, 2]).sub(truth).abs().mean().item();

  const progress = startProgress({ title: "spiral", total: iterations, quiet: context.quiet });
  const losses: LossPoint[] = [];
  const validation: LossPoint[] = [];
  let kept = { iteration: 0, loss: Number.POSITIVE_INFINITY, model: training.model };
  const began = performance.now();
  let seconds = 0;
  try {
    for (let i = 0; i < iterations; i++) {
      const loss = training.step(batchAt(i));
      const iteration = i + 1;
      losses.push({ iteration, loss });
      if (iteration % 50 === 0) {
        const candidate = { iteration, loss: whole(training.model) };
        validation.push(candidate);
        if (candidate.loss < kept.loss) kept = { ...candidate, model: training.model };
      }
      progress.update({ iteration, loss, validation: validation.at(-1)?.loss, evaluations });
    }
    seconds = (performance.now() - began) / 1000;
  } finally {
    progress.stop();
  }

  const { model } = kept;
  const fine = Array.from({ length: 8 * points }, (_, i) => (end * i) / (8 * points - 1));
  const learned = odeint(model, y0, fine, { rtol: 1e-5, atol: 1e-6 });
  const written = [join(folder, "spiral.png"), join(folder, "spiral-loss.png")] as const;
  await savePicture(
    written[0],
    phasePortrait({
      title: "Spiral y′ = y³A, learned from short pieces of its trajectory",
      subtitle: "arrows: the learned vector field",
      xName: "y₁",
      yName: "y₂",
      field: ({ x, y }) => {
        const at = Float32Array.from(
          { length: 2 * x.length },
          (_, i) => (i % 2 === 0 ? x : y)[i >> 1]!,
        );
        const z = tensor(at, { shape: [x.length, 2] });
        return columns(model.forward(tensor(0), z).data());
      },
      observed: columns(samples),
      fit: columns(learned.data()),
    }),
  );
  await savePicture(
    written[1],
    lossCurve({
      title: "Spiral: loss",
      subtitle: "mean absolute error; validation: the whole trajectory from its start",
      training: losses,
      validation,
      best: kept.iteration,
    }),
  );
  const rate = (iterations / seconds).toFixed(0);
  context.say(
    `${iterations} iterations in ${seconds.toFixed(1)} s (${rate} a second), ${evaluations} evaluations`,
  );
  context.say(
    `kept iteration ${kept.iteration}: mean absolute error over the whole trajectory ${kept.loss.toPrecision(3)}`,
  );
  context.say(`wrote ${written.join(", ")}`);
}
