/**
 * @file `fit`: a model or a trainer over a dataset, epoch after epoch, with validation, early stopping, progress and checkpoints.
 * First the options, then what comes back, then the training.
 */
import { ArgumentError, complaint, describe } from "../base/errors.ts";
import {
  abortSignal,
  between,
  callback,
  count,
  flag,
  group,
  kind,
  oneOf,
  text,
  whole,
} from "../base/kinds.ts";
import { type OptionsOf, type SettingsOf, optional, required, schema } from "../base/options.ts";
import { Tensor } from "../ir/tensor.ts";
import { untraced } from "../ir/trace.ts";
import type { Mode } from "../nn/mode.ts";
import { random } from "../ops/index.ts";
import type { Json } from "./checkpoint.ts";
import { type Dataset, batchesOf, datasetOf, keyOf, order } from "./data/dataset.ts";
import { Evaluator, type Metrics, checkMetrics, checkTargets, readingSpec } from "./evaluate.ts";
import { type Trainer, type TrainerState, seed, trainer } from "./trainer.ts";
import { type Moment, checkpointSchema, loadCourse, runTraining, saveCourse } from "./training.ts";
import type { Optimizer } from "./transformation.ts";

/** Where training stands after a batch. Epochs and batches count from 1. */
export interface BatchProgress {
  readonly epoch: number;
  readonly epochs: number;
  readonly batch: number;
  readonly batches: number;
  /** Loss of the batch before its step. */
  readonly loss: number;
  /** Mean loss of the epoch so far, weighted by the sizes of batches. */
  readonly meanLoss: number;
  /** Training samples per second in this epoch, without validation. */
  readonly samplesPerSecond: number;
  /** Seconds of training left at this speed, for all epochs together. */
  readonly secondsLeft: number;
}

/** An epoch in the history. */
export type EpochRecord = {
  /** Counts from 1. */
  readonly epoch: number;
  /** Mean of the batches' losses, each before its step, weighted by their sizes. */
  readonly loss: number;
  /** Metrics of the validation data after the epoch; empty without validation. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Duration of the training in seconds, without validation. */
  readonly seconds: number;
};

const earlyStoppingSchema = schema({
  monitor: required(
    text,
    'The name of a metric of the validation data, or "loss": the training loss where no metric has that name.',
  ),
  mode: optional(
    oneOf(["min", "max"]),
    undefined,
    'Whether small values are good ("min") or large ones: "min" for "loss", required otherwise.',
  ),
  patience: optional(whole(0), 0, "Number of epochs without improvement before training ends."),
  minDelta: optional(
    between(0, Infinity),
    0,
    "A change that does not exceed this is not an improvement.",
  ),
  restoreBest: optional(
    flag,
    false,
    "Whether a training that is not aborted ends with its state after the best epoch instead of the last.",
  ),
});

/** When training ends before its last epoch. */
export type EarlyStopping = OptionsOf<typeof earlyStoppingSchema.spec>;

const checkpoints = checkpointSchema("epochs", 1);

/** Options of `fit`'s checkpoints: where they are kept, and after how many epochs one is written. */
export type CheckpointOptions = OptionsOf<typeof checkpoints.spec>;

/** What `fit` uses of a trainer. */
export type TrainerLike<M, B> = Pick<Trainer<M, B>, "step" | "model" | "state" | "restore">;

const fitSpec = <M, B>() => ({
  epochs: optional(
    whole(0),
    1,
    "Number of passes over all samples. A resumed fit counts from the very beginning.",
  ),
  batchSize: optional(count, 32, "Number of samples in a batch."),
  shuffle: optional(
    order,
    0,
    "Seed or key of the samples' order, which differs between epochs, and of the keys for `augment`; false for the data's own order.",
  ),
  dropLast: optional(flag, false, "Whether a last batch of fewer samples is left out."),
  augment: optional(
    callback<(batch: B, key: Tensor) => B>(),
    undefined,
    "Augmentation: what to make of a batch before its step. Each batch gets another key.",
  ),
  validation: optional(
    kind<B>("data like the training data", () => true),
    undefined,
    "Data that metrics are computed of after each epoch: never trained on, not augmented.",
  ),
  metrics: optional(
    kind<Metrics>(
      "metrics by name, such as { accuracy: nn.metrics.accuracy }",
      (given) => typeof given === "object",
    ),
    {},
    "Metrics by name, computed of the validation data in inference mode.",
  ),
  validationBatchSize: optional(
    count,
    undefined,
    "Number of samples in a batch of validation: batchSize unless given.",
  ),
  ...readingSpec<M, B>(),
  onBatch: optional(
    callback<(progress: BatchProgress) => void>(),
    undefined,
    "Called after each step.",
  ),
  onEpoch: optional(
    callback<(record: EpochRecord, model: M) => void | Promise<void>>(),
    undefined,
    "Called after each epoch; training waits for it.",
  ),
  earlyStopping: optional(
    group(earlyStoppingSchema),
    undefined,
    "When training ends before its last epoch.",
  ),
  signal: optional(abortSignal, undefined, "Ends training before the next step."),
  checkpoint: optional(
    group(checkpoints),
    undefined,
    "Where to keep what training can be resumed from.",
  ),
});

type FitSpec<M, B> = ReturnType<typeof fitSpec<M, B>>;

/** Options of `fit` for a trainer. */
export type FitOptions<M, B> = OptionsOf<FitSpec<M, B>>;

type FitSettings<M, B> = SettingsOf<FitSpec<M, B>>;

/** As many inputs as targets. */
export type Labelled = { readonly x: Tensor; readonly y: Tensor };

const modelSpec = <M>() => ({
  ...fitSpec<M, Labelled>(),
  loss: required(
    callback<(output: Tensor, target: Tensor) => Tensor>(),
    "The loss of outputs and targets, such as nn.crossEntropy. Also computed of the validation data, as metrics.loss.",
  ),
  optimizer: required(
    kind<Optimizer>(
      "an optimiser, such as adam()",
      (given) => typeof (given as Partial<Optimizer> | null)?.update === "function",
      { hint: "Call it: adam() rather than adam." },
    ),
    "The optimiser.",
  ),
  seed: optional(seed, 0, "Seed of the keys of layers that draw, such as dropout."),
});

/** Options of `fit` for a model. */
export type FitModelOptions<M> = OptionsOf<ReturnType<typeof modelSpec<M>>>;

/** The best epoch so far. */
export type Best = { readonly epoch: number; readonly value: number };

/** What `fit` resolves to: the trained model, its trainer, the record of every epoch, and why training ended. */
export interface FitResult<M, B> {
  /** One record for each epoch, including those before a resumption. */
  readonly history: readonly EpochRecord[];
  /** "finished" after the last epoch; "nonFinite" if a loss was NaN or infinite. */
  readonly stopped: "finished" | "earlyStopping" | "aborted" | "nonFinite";
  /** The best epoch by `earlyStopping.monitor`. */
  readonly best: Best | undefined;
  /** The model as trained. */
  readonly model: M;
  readonly trainer: TrainerLike<M, B>;
}

/** A model with `forward(x, mode)`. */
interface Forward {
  forward(x: Tensor, mode: Mode): Tensor;
}

/**
 * Trains a trainer on a dataset (a tree of tensors of equal first extents), epoch after epoch: `await fit(trainer(model, loss,
 * adam()), { x, y }, { epochs: 10, batchSize: 128, validation, metrics: { accuracy: nn.metrics.accuracy } })`. The trainer's loss
 * gets batches like the dataset. The same data, options and seeds give the same bits on every machine, whether interrupted and
 * resumed or not. Gives way to timers, signals and other work every 50 ms between steps.
 * Throws ArgumentError for options out of range and for labels that the outputs have no class for (with index and value),
 * ShapeError for tensors with different numbers of samples, CheckpointError for checkpoints of another training.
 */
export async function fit<M, B>(
  trainer: TrainerLike<M, B>,
  data: B,
  options?: FitOptions<M, B>,
): Promise<FitResult<M, B>>;
/**
 * The same for a model and data `{ x, y }`: trained with `loss(model.forward(x, training), y)` by `optimizer`. The given model is
 * left alone; the trained one is in the result. Throws as above, and ArgumentError for data other than tensors `{ x, y }`.
 */
export async function fit<M extends Forward>(
  model: M,
  data: Labelled,
  options: FitModelOptions<M>,
): Promise<FitResult<M, Labelled>>;
export async function fit<M extends Forward>(
  from: TrainerLike<M, Labelled> | M,
  data: Labelled,
  options: FitOptions<M, Labelled> | FitModelOptions<M> = {},
): Promise<FitResult<M, Labelled>> {
  if (typeof (from as Partial<TrainerLike<M, Labelled>> | null)?.step === "function") {
    const settings = schema(fitSpec<M, Labelled>()).read("fit", options);
    return train(from as TrainerLike<M, Labelled>, data, settings);
  }
  const settings = schema(modelSpec<M>()).read("fit", options);
  const { loss, optimizer, metrics } = settings;
  if (!(data?.x instanceof Tensor) || !(data.y instanceof Tensor))
    throw new ArgumentError(
      complaint(
        "fit: data",
        "tensors { x, y }",
        typeof data === "object" && data !== null && !Array.isArray(data)
          ? `{ ${Object.keys(data).join(", ")} }`
          : describe(data),
        "For other data make a trainer, whose loss gets batches of it.",
      ),
    );
  checkMetrics("fit", metrics);
  const made = trainer(
    from as M,
    (model: M, batch: Labelled, _key, mode) => loss(model.forward(batch.x, mode), batch.y),
    optimizer,
    { seed: settings.seed },
  );
  return train(made, data, { ...settings, metrics: { loss, ...metrics } });
}

/** Where a training stands: all that a checkpoint keeps beside the trainer's state. */
interface EpochCourse {
  /** Epochs done. */
  epoch: number;
  /** Batches done of the epoch under way, the sum of their losses, and its seconds so far. */
  batch: number;
  lossSum: number;
  seconds: number;
  history: EpochRecord[];
  best: Best | null;
}

async function train<M, B>(
  trainer: TrainerLike<M, B>,
  data: B,
  settings: FitSettings<M, B>,
): Promise<FitResult<M, B>> {
  const { batchSize, dropLast, checkpoint, earlyStopping, signal } = settings;
  const dataset = datasetOf("fit: data", data);
  if ((dropLast ? Math.floor(dataset.samples / batchSize) : dataset.samples) === 0)
    throw new ArgumentError(
      complaint(
        "fit: data",
        dropLast ? `at least one batch of ${batchSize} samples` : "at least one sample",
        `${dataset.samples}`,
      ),
    );
  checkMonitor(settings);
  checkTargets("fit: data", trainer.model, dataset, settings);
  let validation: Dataset<B> | undefined;
  if (settings.validation !== undefined) {
    validation = datasetOf("fit: validation", settings.validation);
    checkTargets("fit: validation", trainer.model, validation, settings);
  }
  const evaluator = new Evaluator<M, B>("fit", settings.metrics, settings);
  const key = keyOf(settings.shuffle);
  const terms = {
    samples: dataset.samples,
    batchSize,
    dropLast,
    key: key === undefined ? "none" : [...key.data()].join(" "),
  };

  let course: EpochCourse = { epoch: 0, batch: 0, lossSum: 0, seconds: 0, history: [], best: null };
  const restoreBest = earlyStopping?.restoreBest === true;
  let bestState: TrainerState | undefined = restoreBest ? trainer.state : undefined;
  const states = () => ({ now: trainer.state, ...(bestState && { best: bestState }) });
  if (checkpoint?.resume === true) {
    const found = await loadCourse<EpochCourse>("fit", checkpoint.path, terms);
    if (found !== undefined) {
      const { now, best } = found.fill<ReturnType<typeof states>>(states());
      course = { ...found.course, history: found.course.history.map(readRecord) };
      trainer.restore(now);
      bestState = best;
    }
  }
  const epochs = trainEpochs(
    course,
    { trainer, dataset, validation, evaluator, key, settings },
    () => {
      if (bestState !== undefined) bestState = trainer.state;
    },
  );
  const stopped = await runTraining(epochs, {
    signal,
    save: async () => {
      if (checkpoint) await saveCourse("fit", checkpoint.path, terms, course, states());
    },
  });
  if (bestState !== undefined && course.best !== null && stopped !== "aborted")
    trainer.restore(bestState);
  const { history, best } = course;
  return { history, stopped, best: best ?? undefined, model: trainer.model, trainer };
}

/** JSON has null for NaN and infinities. */
function readRecord(record: EpochRecord): EpochRecord {
  const read = (value: Json): number => (value as number | null) ?? NaN;
  const metrics = Object.entries(record.metrics).map(([name, value]) => [name, read(value)]);
  return { ...record, loss: read(record.loss), metrics: Object.fromEntries(metrics) };
}

/** Throws ArgumentError unless early stopping watches something that there will be: before the first epoch, not after it. */
function checkMonitor<M, B>({ earlyStopping, validation, metrics }: FitSettings<M, B>): void {
  if (earlyStopping === undefined) return;
  const { monitor, mode } = earlyStopping;
  if (mode === undefined && monitor !== "loss")
    throw new ArgumentError(
      complaint(
        "fit: earlyStopping: mode",
        '"min" or "max"',
        "undefined",
        `Is a small or a large ${monitor} good?`,
      ),
    );
  const measured = validation === undefined ? [] : Object.keys(metrics);
  const names = [...new Set(["loss", ...measured])];
  if (!names.includes(monitor))
    throw new ArgumentError(
      complaint(
        "fit: earlyStopping: monitor",
        `one of ${names.join(", ")}`,
        describe(monitor),
        "Metrics are computed of validation data.",
      ),
    );
}

interface EpochSetting<M, B> {
  readonly trainer: TrainerLike<M, B>;
  readonly dataset: Dataset<B>;
  readonly validation: Dataset<B> | undefined;
  readonly evaluator: Evaluator<M, B>;
  readonly key: Tensor | undefined;
  readonly settings: FitSettings<M, B>;
}

/** Epoch after epoch from where the course says. `onBest` is called after the best epoch so far. */
async function* trainEpochs<M, B>(
  course: EpochCourse,
  setting: EpochSetting<M, B>,
  onBest: () => void,
): AsyncGenerator<Moment, FitResult<M, B>["stopped"]> {
  const { trainer, validation, evaluator, settings } = setting;
  const { epochs, batchSize, checkpoint, earlyStopping, validationBatchSize } = settings;
  const hasStopped = (): boolean =>
    earlyStopping !== undefined &&
    course.best !== null &&
    course.epoch - course.best.epoch > earlyStopping.patience;

  while (course.epoch < epochs) {
    if (hasStopped()) return "earlyStopping";
    const samples = yield* trainBatches(course, setting);
    if (samples === "nonFinite") return samples;
    const { model } = trainer;
    let metrics: Record<string, number> = {};
    if (validation !== undefined) {
      const steps = evaluator.steps(model, validation, validationBatchSize ?? batchSize);
      let step = steps.next();
      for (; step.done !== true; step = steps.next()) yield "wait";
      metrics = step.value;
    }
    const { seconds } = course;
    const record = { epoch: course.epoch + 1, loss: course.lossSum / samples, metrics, seconds };
    course.history.push(record);
    Object.assign(course, { epoch: record.epoch, batch: 0, lossSum: 0, seconds: 0 });
    if (earlyStopping !== undefined) {
      const value = record.metrics[earlyStopping.monitor] ?? record.loss;
      if (improves(earlyStopping, value, course.best)) {
        course.best = { epoch: record.epoch, value };
        onBest();
      }
    }
    await settings.onEpoch?.(record, model);
    const isLast = course.epoch === epochs || hasStopped();
    if (isLast || course.epoch % (checkpoint?.every ?? 1) === 0) yield "save";
  }
  return hasStopped() ? "earlyStopping" : "finished";
}

/** Whether a value is better than the best so far; NaN never is. */
function improves(
  { mode = "min", minDelta }: SettingsOf<typeof earlyStoppingSchema.spec>,
  value: number,
  best: Best | null,
): boolean {
  if (Number.isNaN(value)) return false;
  if (best === null) return true;
  return mode === "min" ? value < best.value - minDelta : value > best.value + minDelta;
}

/** The steps of one epoch, from where the course says; the number of its samples, unless a loss is not finite. */
function* trainBatches<M, B>(
  course: EpochCourse,
  { trainer, dataset, key, settings }: EpochSetting<M, B>,
): Generator<Moment, number | "nonFinite"> {
  const { epochs, batchSize, dropLast, augment, onBatch } = settings;
  const { epoch } = course;
  const all = batchesOf(dataset, { batchSize, dropLast, epoch, key });
  const fold = (from: Tensor, index: number): Tensor => untraced(() => random.foldIn(from, index));
  const epochKey = fold(fold(key ?? untraced(() => random.key(0)), -1), epoch);
  const before = course.seconds;
  const [began, first] = [performance.now(), course.batch];
  let index = -1;
  for (const plain of all) {
    if (++index < first) continue;
    yield "step";
    const loss = trainer.step(augment ? augment(plain, fold(epochKey, index)) : plain);
    const done = Math.min(all.samples, (index + 1) * batchSize);
    course.batch = index + 1;
    course.lossSum += loss * (done - index * batchSize);
    course.seconds = before + (performance.now() - began) / 1000;
    if (onBatch !== undefined) {
      const rate = (done - first * batchSize) / ((performance.now() - began) / 1000);
      onBatch({
        epoch: epoch + 1,
        epochs,
        batch: index + 1,
        batches: all.length,
        loss,
        meanLoss: course.lossSum / done,
        samplesPerSecond: rate,
        secondsLeft: (all.samples * (epochs - epoch) - done) / rate,
      });
    }
    if (!Number.isFinite(loss)) return "nonFinite";
  }
  return all.samples;
}
