/**
 * @file A neural ODE fitted to a time series by multiple shooting: the rows split and scaled, then stage after stage of training,
 * keeping the weights that forecast the held-out rows and follow the others best.
 */
import { ArgumentError } from "../base/errors.ts";
import { group } from "../base/kinds.ts";
import { crc32 } from "../base/crc32.ts";
import { type OptionsOf, type SettingsOf, optional, schema } from "../base/options.ts";
import { jit } from "../compile/jit.ts";
import type { Tensor } from "../ir/tensor.ts";
import { SolveError, type StatsReport, solve } from "../ode/index.ts";
import { tensor, zeros } from "../ops/index.ts";
import type { Json } from "../optim/checkpoint.ts";
import { adamw } from "../optim/optimizers.ts";
import { cosine, warmup } from "../optim/schedules.ts";
import { type Trainer, type TrainerState, trainer } from "../optim/trainer.ts";
import {
  type Moment,
  checkpointSchema,
  loadCourse,
  runTraining,
  saveCourse,
} from "../optim/training.ts";
import { chain } from "../optim/transformation.ts";
import { clipByGlobalNorm } from "../optim/transforms.ts";
import type { Architecture, SeriesModel } from "./model.ts";
import { type FitProgress, SeriesError, fitSpec, surroundings } from "./options.ts";
import { type Scaled, type Scaling, learnScaling, scale } from "./scaling.ts";
import {
  Dynamics,
  Shooting,
  type WindowBatch,
  mostWindows,
  shootingLoss,
  toBatch,
  weightsOf,
} from "./shooting.ts";
import { type Series, requireEnough } from "./table.ts";
import { type Stage, type Windows, guessStarts, planStages, windowsOf } from "./windows.ts";

const fitSeriesSchema = schema({
  ...fitSpec,
  ...surroundings,
  checkpoint: optional(
    group(checkpointSchema("iterations", 250)),
    undefined,
    "where to keep what the fit can be resumed from",
  ),
});

/** Options of `fitSeries`. */
export type FitSeriesOptions = OptionsOf<typeof fitSeriesSchema.spec>;

type Settings = SettingsOf<typeof fitSpec>;

/** A loss at an iteration. */
export type LossPoint = { readonly iteration: number; readonly loss: number };

/** What `fitSeries` gives: the fitted model, why the fit ended, and the losses on the way. */
export interface FittedSeries {
  readonly model: SeriesModel;
  /** "converged" where the score did not improve for `patience` iterations. */
  readonly stopped: "finished" | "converged" | "aborted";
  /** The losses of the training, thinned out where there were many iterations, and those of the held-out rows. */
  readonly training: readonly LossPoint[];
  readonly held: readonly LossPoint[];
  /** The iterations at which windows grew; the first is 0. */
  readonly stages: readonly number[];
}

/** The weights that are kept, and what was measured with them. */
interface Kept {
  readonly iteration: number;
  readonly loss: number;
  readonly validation: number | null;
}

/** Where a fit stands apart from its tensors: plain data that a checkpoint keeps. */
interface SeriesCourse {
  /** Iterations done. */
  iteration: number;
  stage: number;
  evaluations: number;
  /** Halved whenever training broke down. */
  rateFactor: number;
  breakdowns: number;
  kept: Kept | null;
  /** The latest loss on the held-out rows. */
  validation: number | null;
  readonly training: LossPoint[];
  readonly held: LossPoint[];
}

/** A fit before it begins. */
interface Problem {
  readonly series: Series;
  readonly settings: Settings & { readonly patience: number };
  readonly architecture: Architecture;
  readonly scaling: Scaling;
  readonly train: Scaled;
  /** The held-out rows; none if nothing is held out. */
  readonly held: Scaled;
  readonly stages: readonly Stage[];
}

/** Fewest rows to train on. */
const leastRows = 4;
/** Breakdowns (a solve that fails, a loss that is not finite) before a fit is given up. */
const mostBreakdowns = 8;
const mostColumns = 256;

/**
 * Fits a neural ODE to a series: `const { model } = await fitSeries(seriesFrom({ t, x, y }), { iterations: 2000 })`. Times may be
 * irregular and values missing. The last rows are held out, and the weights that forecast them and follow the others best are kept.
 * The same series, options and seed give the same model on every machine, whether interrupted and resumed or not. Gives way to
 * timers, signals and other work every 50 ms.
 * Throws ArgumentError for options out of range or not fit for the data, SeriesError for too little data, for gaps in time out of all
 * proportion and for training that breaks down again and again, CheckpointError for checkpoints of another fit.
 */
export async function fitSeries(
  series: Series,
  options: FitSeriesOptions = {},
): Promise<FittedSeries> {
  const { onProgress, onResume, signal, checkpoint, ...given } = fitSeriesSchema.read(
    "fitSeries",
    options,
  );
  const problem = defineProblem(series, given);
  const run = new SeriesFit(problem);
  const terms = checkpoint ? { fingerprint: await fingerprintOf(problem) } : {};
  if (checkpoint?.resume === true) {
    const found = await loadCourse<SeriesCourse>("fitSeries", checkpoint.path, terms, upgrade);
    if (found !== undefined) {
      run.resume(found.course, found.fill);
      onResume?.(run.course.iteration);
    }
  }
  const stopped = await runTraining(run.iterations(onProgress, checkpoint?.every ?? Infinity), {
    signal,
    save: async () => {
      if (checkpoint) await saveCourse("fitSeries", checkpoint.path, terms, run.course, run.saved);
    },
  });
  const { training, held, stage } = run.course;
  const stages = problem.stages.slice(0, stage + 1).map(({ from }) => from);
  return { model: run.model, stopped, training, held, stages };
}

/** Checkpoints of the first version had the course and its fingerprint side by side. */
function upgrade(metadata: Json): Json {
  const { fingerprint, course, ...rest } = (metadata ?? {}) as { readonly [key: string]: Json };
  if (fingerprint === undefined || course === undefined) return metadata;
  return { ...rest, fit: { ...(course as object), terms: { fingerprint } } };
}

function defineProblem(given: Series, settings: Settings): Problem {
  const width = given.names.length;
  if (width > mostColumns)
    throw new ArgumentError(`columns: ${width} columns; choose at most ${mostColumns} of them.`);
  const series = requireEnough(given, leastRows + (settings.validation > 0 ? 1 : 0));
  const rows = series.times.length;
  const wanted =
    settings.validation === 0 ? 0 : Math.max(1, Math.round(settings.validation * rows));
  const trained = Math.max(Math.min(rows, leastRows), rows - wanted);
  const scaling = learnScaling(series, trained, settings.scale);
  checkGaps(series, scaling.unit);
  const { hidden, activation, hiddenStates = width === 1 ? 1 : 0, iterations } = settings;
  const patience = settings.patience ?? Math.max(200, Math.round(iterations / 4));
  return {
    series,
    settings: { ...settings, patience },
    architecture: { hidden, activation, hiddenStates },
    scaling,
    train: scale(series, scaling, 0, trained),
    held: scale(series, scaling, trained, rows),
    stages: planStages(trained - 1, iterations, settings.window),
  };
}

/** Equal for equal series and options: SHA-256 where the platform has it, a checksum elsewhere. */
async function fingerprintOf({ series, settings, architecture }: Problem): Promise<string> {
  const { iterations, learningRate, weightDecay, validation, patience, window, seed } = settings;
  // The names and their order are those of the first version, whose checkpoints hold the fingerprint.
  const decisive = {
    architecture,
    iterations,
    learningRate,
    weightDecay,
    heldOut: validation,
    patience,
    longestWindow: window,
    scale: settings.scale,
    seed,
  };
  const parts = [
    [decisive, series.timeName, series.names],
    [[...series.times], [...series.values]],
  ];
  const bytes = new TextEncoder().encode(parts.map((part) => JSON.stringify(part)).join(""));
  const { subtle } = globalThis.crypto as { readonly subtle?: SubtleCrypto };
  if (subtle === undefined) return crc32(bytes);
  const digest = new Uint8Array(await subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A solver crosses a wider gap, counted in typical intervals, with nothing but a guess. */
const widestGap = 1e4;

function checkGaps({ times, timeName }: Series, unit: number): void {
  times.forEach((time, i) => {
    const gap = i === 0 ? 0 : (time - times[i - 1]!) / unit;
    if (gap <= widestGap) return;
    throw new SeriesError(
      `from ${timeName} = ${times[i - 1]} to ${time} is ${gap.toPrecision(2)} times the typical interval, ` +
        `${unit.toPrecision(3)}; fit the parts before and after the gap on their own`,
    );
  });
}

/** A fit under way. */
class SeriesFit {
  course: SeriesCourse = {
    iteration: 0,
    stage: 0,
    evaluations: 0,
    rateFactor: 1,
    breakdowns: 0,
    kept: null,
    validation: null,
    training: [],
    held: [],
  };
  readonly #problem: Problem;
  #stage: StageRun;
  /** The best model of the stage, and the trainer's state when training was last sound. */
  #kept: Shooting;
  #sound: TrainerState;

  constructor(problem: Problem) {
    this.#problem = problem;
    this.#stage = this.#prepare(this.#dynamics());
    this.#kept = this.#stage.trainer.model;
    this.#sound = this.#stage.trainer.state;
  }

  #dynamics(): Dynamics {
    const { train, architecture, settings } = this.#problem;
    return new Dynamics(train.width, architecture, settings.seed);
  }

  #prepare(from: Shooting | Dynamics): StageRun {
    const { course } = this;
    return prepareStage(this.#problem, course.stage, from, course.rateFactor, ({ evaluations }) => {
      course.evaluations += evaluations;
    });
  }

  /** The tensors of a checkpoint. */
  get saved(): { now: TrainerState; sound: TrainerState; kept: Shooting } {
    return { now: this.#stage.trainer.state, sound: this.#sound, kept: this.#kept };
  }

  /** Continues where a checkpoint was written. */
  resume(course: SeriesCourse, fill: <T>(like: T) => T): void {
    this.course = course;
    this.#stage = this.#prepare(this.#dynamics());
    const { trainer } = this.#stage;
    const saved = fill({ now: trainer.state, sound: trainer.state, kept: trainer.model });
    trainer.restore(saved.now);
    this.#sound = saved.sound;
    this.#kept = saved.kept;
  }

  /** Back to where training was sound, with half the learning rate. */
  #mend(): void {
    const { course } = this;
    course.breakdowns++;
    if (course.breakdowns > mostBreakdowns)
      throw new SeriesError(
        `training broke down ${course.breakdowns} times, up to iteration ${course.iteration}; ` +
          "try a smaller learning rate, scale log for positive data, or fewer hidden units",
      );
    course.rateFactor /= 2;
    const before = this.#sound;
    this.#stage = this.#prepare(this.#kept);
    this.#stage.trainer.restore(before);
  }

  /** Iteration after iteration, from where the course says. */
  *iterations(
    onProgress: ((progress: FitProgress) => void) | undefined,
    saveEvery: number,
  ): Generator<Moment, "finished" | "converged"> {
    const { course } = this;
    const { settings, stages } = this.#problem;
    const thinning = Math.max(1, Math.floor(settings.iterations / 2000));
    const evaluateEvery = Math.max(1, Math.round(settings.iterations / 80));
    while (course.iteration < settings.iterations) {
      yield "step";
      if (course.iteration >= stages[course.stage]!.to) this.#nextStage();
      const { trainer, batch } = this.#stage;
      const loss = lossOf(() => trainer.step(batch(course.iteration)));
      if (loss === undefined) {
        this.#mend();
        continue;
      }
      const iteration = ++course.iteration;
      if (iteration % thinning === 0) course.training.push({ iteration, loss });
      const isLast = iteration === stages[course.stage]!.to;
      if (iteration % evaluateEvery === 0 || isLast) this.#measure(iteration);
      const { validation, evaluations, kept } = course;
      onProgress?.({ iteration, loss, validation: validation ?? undefined, evaluations });
      if (iteration % saveEvery === 0) yield "save";
      const isFinal = course.stage === stages.length - 1;
      if (isFinal && kept && iteration - kept.iteration >= settings.patience) return "converged";
    }
    return "finished";
  }

  /** Longer windows are another task: what was best before does not count. */
  #nextStage(): void {
    this.course.stage++;
    this.course.kept = null;
    this.#stage = this.#prepare(this.#stage.trainer.model);
    this.#kept = this.#stage.trainer.model;
    this.#sound = this.#stage.trainer.state;
  }

  /** Measures the model as it is now, and keeps it if it is the best of its stage. */
  #measure(iteration: number): void {
    const { course } = this;
    const { trainer, batch, validate } = this.#stage;
    const { model } = trainer;
    const validation = validate(model);
    course.validation = validation;
    if (validation !== null && validation < Number.MAX_VALUE)
      course.held.push({ iteration, loss: validation });
    // A step's loss is that of the weights before it, and one step changes much where the loss is rough.
    const loss = lossOf(() => trainer.evaluate(batch(iteration))) ?? Number.MAX_VALUE;
    const candidate = { iteration, loss, validation };
    if (course.kept === null || score(candidate) < score(course.kept)) {
      course.kept = candidate;
      this.#kept = model;
    }
    this.#sound = trainer.state;
  }

  /** The fitted model, with the weights that are kept. */
  get model(): SeriesModel {
    const { series, scaling, settings, train, architecture } = this.#problem;
    const { kept, iteration, evaluations } = this.course;
    const { windows, startsOf } = this.#stage;
    return {
      timeName: series.timeName,
      names: series.names,
      scaling,
      architecture,
      weights: weightsOf(this.#kept.dynamics),
      nodeTimes: [...windows.nodes].map((tau) => tau * scaling.unit + scaling.origin),
      nodeStates: startsOf(this.#kept),
      span: {
        first: series.times[0]!,
        trainEnd: series.times[train.tau.length - 1]!,
        last: series.times.at(-1)!,
      },
      training: {
        seed: settings.seed,
        iterations: iteration,
        kept: kept?.iteration ?? iteration,
        loss: kept?.loss ?? Number.NaN,
        validation: kept?.validation ?? null,
        evaluations,
      },
    };
  }
}

/** What decides which weights are kept: training and held-out error count alike. */
function score({ loss, validation }: Kept): number {
  return loss + (validation ?? 0);
}

/** A loss that is a number; undefined if its solve failed. */
function lossOf(compute: () => number): number | undefined {
  try {
    const loss = compute();
    return Number.isFinite(loss) ? loss : undefined;
  } catch (error) {
    if (error instanceof SolveError) return undefined;
    throw error;
  }
}

/** A stage ready to train. */
interface StageRun {
  readonly windows: Windows;
  readonly trainer: Trainer<Shooting, WindowBatch>;
  /** The windows of an iteration (counted over the whole fit). */
  readonly batch: (iteration: number) => WindowBatch;
  /** Mean squared error on the held-out tail; null if nothing is held out, the largest number if the solve fails. */
  readonly validate: (model: Shooting) => number | null;
  /** States [windows, states] where the windows of a model start. */
  readonly startsOf: (model: Shooting) => Float32Array;
}

/** The first window of an iteration: a stretch anywhere, by a hash of seed and iteration. */
function firstWindow(seed: number, iteration: number, count: number): number {
  if (count <= mostWindows) return 0;
  let x = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(iteration + 1, 0xc2b2ae35);
  x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d);
  x = Math.imul(x ^ (x >>> 12), 0x297a2d39);
  return ((x ^ (x >>> 15)) >>> 0) % count;
}

/** Prepares a stage. It begins with the model at the end of the stage before, the first one with the dynamics alone. */
function prepareStage(
  problem: Problem,
  stageIndex: number,
  from: Shooting | Dynamics,
  rateFactor: number,
  onStats: (stats: StatsReport) => void,
): StageRun {
  const { train, held, settings, stages } = problem;
  const stage = stages[stageIndex]!;
  const { hiddenStates } = problem.architecture;
  const states = train.width + hiddenStates;
  const windows = windowsOf(train, stage.length);
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
  const peak = settings.learningRate * rateFactor;
  // Longer windows are more sensitive: every stage starts gently and goes a little slower than the one before.
  const steady = peak * 0.7 ** stageIndex;
  const gentle = Math.min(25, Math.ceil(steps / 4));
  const rate = warmup({
    steps: gentle,
    from: steady / 20,
    to: cosine({ from: steady, to: steady / 20, steps: Math.max(1, steps - gentle) }),
  });
  const { length } = stage;
  const loss = (m: Shooting, batch: WindowBatch): Tensor =>
    shootingLoss(m, batch, { length, regular: windows.regular, onStats });
  const optimizer = chain(
    clipByGlobalNorm(1),
    adamw({ learningRate: rate, weightDecay: settings.weightDecay }),
  );

  const startsOf = (m: Shooting): Float32Array =>
    Float32Array.from(m.shifts.data() as Float32Array, (shift, i) => shift + anchors[i]!);
  const all = windows.count <= mostWindows ? toBatch(windows, anchors, 0) : undefined;
  return {
    windows,
    trainer: trainer(model, loss, optimizer),
    batch: (iteration) =>
      all ?? toBatch(windows, anchors, firstWindow(settings.seed, iteration, windows.count)),
    startsOf,
    validate: heldOutLoss(held, windows, startsOf),
  };
}

/** The error of the forecast of the held-out rows, from the start of the last window. */
function heldOutLoss(
  held: Scaled,
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
