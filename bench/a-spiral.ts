// Workload A: the spiral of torchdiffeq's demo, f = W2 tanh(W1 y³ + b1) + b2 with 2-50-2 units. One training
// iteration is solve + mean absolute error + gradient + RMSprop; rtol 1e-7, atol 1e-9, 20 samples, 10 times.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type Tensor, jit, scalar, valueAndGrad, vjp } from "adjoint";
import { type Batch, Dynamics, type Variant, batchesOf, lossOf, trainerOf } from "./a-training.ts";
import { type Measurement, median, sample, summarise } from "./measure.ts";
import { type Spiral, type Weights, makeSpiral, readSpiral } from "./spiral.ts";
import type { Options } from "./workload.ts";

/** Iterations before the weights go back to their start: dynamics, and with them the work, change while training. */
const epoch = 40;
/** Of these, the first few are not counted, as in the peers' scripts. */
const settling = 3;
const epochs = 8;

/** First loss and gradient, and the evaluations of the middle iteration of an epoch. */
function inspect(variant: Variant, { t, batches }: Work, weights: Weights): Record<string, number> {
  const counts: Record<"forward" | "backward", number[]> = { forward: [], backward: [] };
  const loss = lossOf(variant, t, (s) => void counts[s.direction].push(s.evaluations));
  const [value, gradient] = valueAndGrad(loss)(new Dynamics(weights), batches[0]!);
  const gb1norm0 = gradient.b1.square().sum().sqrt().item();
  counts.forward.length = counts.backward.length = 0;
  const training = trainerOf(weights, loss);
  for (let i = 0; i < epoch; i++) training.step(batches[i]!);
  const middle = (all: readonly number[]): number =>
    all.length === 0 ? 0 : median(all.slice(settling));
  return {
    nfe_fwd: middle(counts.forward),
    nfe_bwd: middle(counts.backward),
    loss0: value.item(),
    gb1norm0,
  };
}

interface Work {
  readonly t: readonly number[];
  readonly batches: readonly Batch[];
}

/** Milliseconds of training iterations, over several epochs from the same weights. */
function iterations(variant: Variant, { t, batches }: Work, weights: Weights): number[] {
  const training = trainerOf(weights, lossOf(variant, t));
  const start = training.state;
  const times: number[] = [];
  for (let e = 0; e < epochs; e++) {
    training.restore(start);
    for (let i = 0; i < epoch; i++) {
      const before = performance.now();
      training.step(batches[i]!);
      // The first epoch is V8's, to reach its last tier.
      if (e > 0 && i >= settling) times.push(performance.now() - before);
    }
  }
  return times;
}

/** A spiral's weights after 400 iterations, where the data does not bring them. */
function trainedWeights({ t, batches }: Work, spiral: Spiral): Weights {
  if (spiral.trained) return spiral.trained;
  const training = trainerOf(spiral.init, lossOf("dopri5_adjoint", t));
  for (let i = 0; i < 400; i++) training.step(batches[i % batches.length]!);
  return training.model.weights();
}

/** The first call in a fresh process, several times over. */
function firstCall(spiral: Spiral): Measurement {
  const script = fileURLToPath(new URL("./a-first-call.ts", import.meta.url));
  const input = JSON.stringify({ ...spiral, batches: spiral.batches.slice(0, 1) });
  const runs = Array.from({ length: 7 }, () => {
    const args = [...process.execArgv, script, input];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    if (status !== 0) throw new Error(`bench: the first call failed:\n${stderr}`);
    return JSON.parse(stdout) as { first_ms: number; second_ms: number };
  });
  const second = median(runs.map((r) => r.second_ms));
  return summarise(
    "A.first_call",
    runs.map((r) => r.first_ms),
    { second_call_ms: Number(second.toFixed(3)) },
  );
}

export function* run({ data }: Options): Iterable<Measurement> {
  const spiral = data === undefined ? makeSpiral() : readSpiral(data);
  const work: Work = { t: spiral.t, batches: batchesOf(spiral) };
  const trained = trainedWeights(work, spiral);
  const of = (variant: Variant, name: string, weights: Weights): Measurement =>
    summarise(
      `A.${variant}.${name}`,
      iterations(variant, work, weights),
      inspect(variant, work, weights),
    );
  yield of("dopri5_adjoint", "init", spiral.init);
  yield of("rk4_adjoint", "init", spiral.init);
  yield of("rk4_backprop", "init", spiral.init);
  yield of("dopri5_adjoint", "trained", trained);

  const model = new Dynamics(spiral.init);
  const { y0 } = work.batches[0]!;
  const time = scalar(0);
  const call = jit((m: Dynamics, y: Tensor) => m.forward(time, y));
  const pull = jit((m: Dynamics, y: Tensor, cotangent: Tensor) => {
    const [, pullback] = vjp((n: Dynamics, z: Tensor) => n.forward(time, z), m, y);
    return pullback(cotangent);
  });
  const often = { samples: 15, calls: 2_000, warmup: 2_000 };
  yield summarise(
    "A.f_call",
    sample(() => void call(model, y0), often),
  );
  yield summarise(
    "A.f_vjp_call",
    sample(() => void pull(model, y0, y0), often),
  );
  yield firstCall(spiral);
}
