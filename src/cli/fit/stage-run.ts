// One stage of a fit: windows, their batches, the trainer with its schedule, and the loss on the held-out tail.
import { type Tensor, jit, tensor, zeros } from "../../index.ts";
import { SolveError, type StatsReport, solve } from "../../ode/index.ts";
import {
  type Trainer,
  adamw,
  chain,
  clipByGlobalNorm,
  schedules,
  trainer,
} from "../../optim/index.ts";
import { type Dynamics, Shooting } from "./network.ts";
import type { Problem } from "./problem.ts";
import { type Batch, mostWindows, shootingLoss, toBatch } from "./shooting.ts";
import { guessStarts } from "./starts.ts";
import { type Windows, cut } from "./windows.ts";

/** A stage ready to train. */
export interface StageRun {
  readonly windows: Windows;
  readonly trainer: Trainer<Shooting, Batch>;
  /** The windows of an iteration (counted over the whole fit). */
  readonly batch: (iteration: number) => Batch;
  /** Mean squared error on the held-out tail; null if nothing is held out, the largest number if the solve fails. */
  readonly validate: (model: Shooting) => number | null;
  /** States [windows, states] where the windows of a model start. */
  readonly startsOf: (model: Shooting) => Float32Array;
}

/** First of the windows of an iteration: a stretch anywhere, by a hash of seed and iteration. */
function firstWindow(seed: number, iteration: number, count: number): number {
  if (count <= mostWindows) return 0;
  let x = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(iteration + 1, 0xc2b2ae35);
  x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d);
  x = Math.imul(x ^ (x >>> 12), 0x297a2d39);
  return ((x ^ (x >>> 15)) >>> 0) % count;
}

/**
 * Prepares a stage.
 * @param from the model at the end of the stage before; the dynamics alone at the beginning
 * @param rateFactor multiplies the learning rate
 * @param onStats hears of every solve of the training steps
 */
export function prepareStage(
  problem: Problem,
  stageIndex: number,
  from: Shooting | Dynamics,
  rateFactor: number,
  onStats: (stats: StatsReport) => void,
): StageRun {
  const { train, held, options, stages } = problem;
  const stage = stages[stageIndex]!;
  const { hiddenStates } = options.architecture;
  const states = train.width + hiddenStates;
  const windows = cut(train, stage.length);
  const anchors = guessStarts(train, windows.nodes, hiddenStates);

  const model = ((): Shooting => {
    if (!(from instanceof Shooting)) return new Shooting(from, zeros([windows.count, states]));
    const before = stages[stageIndex - 1];
    if (from.shifts.shape[0] === windows.count || !before) return from;
    // Every window starts where one of the stage before started.
    const every = stage.length / before.length;
    const rows = Array.from({ length: windows.count }, (_, k) => k * every);
    return new Shooting(from.dynamics, from.shifts.take(rows));
  })();

  const steps = stage.to - stage.from;
  const peak = options.learningRate * rateFactor;
  // Longer windows are more sensitive: every stage starts gently and goes a little slower than the one before.
  const steady = peak * 0.7 ** stageIndex;
  const gentle = Math.min(25, Math.ceil(steps / 4));
  const rate = schedules.warmup({
    steps: gentle,
    from: steady / 20,
    to: schedules.cosine({ from: steady, to: steady / 20, steps: Math.max(1, steps - gentle) }),
  });
  const { length } = stage;
  const loss = (m: Shooting, batch: Batch): Tensor =>
    shootingLoss(m, batch, { length, regular: windows.regular, onStats });
  const optimizer = chain(
    clipByGlobalNorm(1),
    adamw({ learningRate: rate, weightDecay: options.weightDecay }),
  );

  const startsOf = (m: Shooting): Float32Array =>
    Float32Array.from(m.shifts.data() as Float32Array, (shift, i) => shift + anchors[i]!);
  const all = windows.count <= mostWindows ? toBatch(windows, anchors, 0) : undefined;
  return {
    windows,
    trainer: trainer(model, loss, optimizer),
    batch: (iteration) =>
      all ?? toBatch(windows, anchors, firstWindow(options.seed, iteration, windows.count)),
    startsOf,
    validate: heldOutLoss(held, windows, startsOf),
  };
}

/** The forecast of the held-out tail, from the start of the last window. */
function heldOutLoss(
  held: HeldOut,
  windows: Windows,
  startsOf: (model: Shooting) => Float32Array,
): (model: Shooting) => number | null {
  const rows = held.tau.length;
  const { width } = held;
  const count = held.seen.reduce((sum, x) => sum + x, 0);
  if (rows === 0 || count === 0) return () => null;
  const ts = [...held.tau];
  const [t0, t1] = [windows.nodes.at(-1)!, ts.at(-1)!];
  const [targets, seen] = [held.z, held.seen].map((d) => tensor(d, { shape: [rows, width] }));
  const loss = jit((dynamics: Dynamics, start: Tensor): Tensor => {
    const { ys } = solve(dynamics, start, { t0, t1, saveAt: { ts } });
    const columns = ys.slice([0, 0], [rows, width]);
    return columns.sub(targets!).square().mul(seen!).sum().div(count);
  });
  return (model) => {
    const states = model.shifts.shape[1]!;
    const start = tensor(startsOf(model).slice(-states));
    try {
      const value = loss(model.dynamics, start).item();
      return Number.isFinite(value) ? value : Number.MAX_VALUE;
    } catch (error) {
      if (error instanceof SolveError) return Number.MAX_VALUE;
      throw error;
    }
  };
}

type HeldOut = Problem["held"];
