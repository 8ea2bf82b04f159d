/** @file `fit`: training over epochs of a dataset, with validation, early stopping, checkpoints and an end on request. */
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import { checkOptions } from "../../base/options.ts";
import { Tensor } from "../../ir/tensor.ts";
import { untraced } from "../../ir/trace.ts";
import type { Mode } from "../../nn/mode.ts";
import { random } from "../../ops/index.ts";
import { breather } from "../breather.ts";
import { batchesOf, keyOf } from "../data/batches.ts";
import type { Dataset } from "../data/dataset.ts";
import { type TrainerState, trainer } from "../trainer.ts";
import {
  type Course,
  type States,
  type Terms,
  loadCourse,
  newCourse,
  saveCourse,
} from "./course.ts";
import { checkFitOptions, fitOptionNames } from "./check-options.ts";
import { improves } from "./early-stopping.ts";
import { Evaluator, checkMetrics, checkTargets, readData } from "./evaluator.ts";
import type {
  EpochRecord,
  FitModelOptions,
  FitOptions,
  FitResult,
  Labelled,
  TrainerLike,
} from "./options.ts";

/** A model with `forward(x, mode)`. */
interface Forward {
  forward(x: Tensor, mode: Mode): Tensor;
}

/**
 * Trains a trainer on a dataset (a tree of tensors of equal first extents), epoch after epoch: `await fit(trainer(model, loss,
 * adam()), { x, y }, { epochs: 10, batchSize: 128, validation, metrics: { accuracy: nn.metrics.accuracy } })`. The trainer's loss
 * gets batches like the dataset. The same data, options and seeds give the same bits on every machine, interrupted and resumed
 * or not. It gives way to timers, signals and other work every 50 ms between steps.
 * Throws ArgumentError for options out of range and for labels that the outputs have no place for (with index and value),
 * ShapeError for tensors of different numbers of samples, CheckpointError for checkpoints of something else.
 */
export async function fit<M, B>(
  trainer: TrainerLike<M, B>,
  data: B,
  options?: FitOptions<M, B>,
): Promise<FitResult<M, B>>;
/**
 * The same for a model and data `{ x, y }`: trained with `loss(model.forward(x, training), y)` by `optimizer`. The model given is
 * left alone; the trained one is in the result.
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
  if (isTrainer(from)) {
    checkOptions("fit", options, fitOptionNames);
    return run(from, data, options);
  }
  checkOptions("fit", options, ["loss", "optimizer", "seed", ...fitOptionNames]);
  const { loss, optimizer, seed = 0, ...rest } = options as FitModelOptions<M>;
  if (typeof loss !== "function")
    throw new ArgumentError(
      complaint(
        "fit: loss",
        "a function of output and target, such as nn.crossEntropy",
        describe(loss),
      ),
    );
  if (!(data?.x instanceof Tensor) || !(data.y instanceof Tensor))
    throw new ArgumentError(
      complaint(
        "fit: data",
        "tensors { x, y }",
        typeof data === "object" && data !== null && !Array.isArray(data)
          ? `{ ${Object.keys(data).join(", ")} }`
          : describe(data),
        "For data of another form make a trainer, whose loss gets batches of it.",
      ),
    );
  if (rest.metrics !== undefined) checkMetrics("fit", rest.metrics);
  const made = trainer(
    from,
    (model: M, batch: Labelled, _key, mode) => loss(model.forward(batch.x, mode), batch.y),
    optimizer,
    { seed },
  );
  return run(made, data, { ...rest, metrics: { loss, ...rest.metrics } });
}

function isTrainer<M, B>(value: TrainerLike<M, B> | M): value is TrainerLike<M, B> {
  return typeof (value as Partial<TrainerLike<M, B>> | null)?.step === "function";
}

async function run<M, B>(
  trainer: TrainerLike<M, B>,
  data: B,
  options: FitOptions<M, B>,
): Promise<FitResult<M, B>> {
  const { epochs = 1, batchSize = 32, dropLast = false, signal, checkpoint } = options;
  const { earlyStopping, metrics = {}, validationBatchSize = batchSize, shuffle = 0 } = options;
  checkFitOptions(options);
  const dataset = readData("fit: data", data, batchSize);
  if ((dropLast ? Math.floor(dataset.samples / batchSize) : dataset.samples) === 0)
    throw new ArgumentError(
      complaint(
        "fit: data",
        dropLast ? `at least one batch of ${batchSize} samples` : "at least one sample",
        `${dataset.samples}`,
      ),
    );
  checkTargets("fit: data", trainer.model, dataset, options);
  let validation: Dataset<B> | undefined;
  if (options.validation !== undefined) {
    validation = readData("fit: validation", options.validation, validationBatchSize);
    checkTargets("fit: validation", trainer.model, validation, options);
  }
  const evaluator = new Evaluator<M, B>("fit", metrics, options);
  const key = keyOf("fit: shuffle", shuffle);
  const augmentKey = untraced(() => random.foldIn(key ?? random.key(0), -1));
  const terms: Terms = {
    samples: dataset.samples,
    batchSize,
    dropLast,
    key: key === undefined ? "none" : [...key.data()].join(" "),
  };
  const breath = breather();

  let course = newCourse();
  let bestState: TrainerState | undefined =
    earlyStopping?.restoreBest === true ? trainer.state : undefined;
  const states = (): States => ({ now: trainer.state, ...(bestState && { best: bestState }) });
  if (checkpoint?.resume === true) {
    const found = await loadCourse(checkpoint, states(), terms);
    if (found !== undefined) {
      course = found.course;
      trainer.restore(found.states.now);
      bestState = found.states.best;
    }
  }
  const save = async (): Promise<void> => {
    if (checkpoint !== undefined) await saveCourse(checkpoint, course, terms, states());
  };
  const end = (stopped: FitResult<M, B>["stopped"]): FitResult<M, B> => {
    if (bestState !== undefined && course.best !== undefined && stopped !== "aborted")
      trainer.restore(bestState);
    const { history, best } = course;
    return { history, stopped, best, model: trainer.model, trainer };
  };
  const hasStopped = (): boolean =>
    earlyStopping !== undefined &&
    course.best !== undefined &&
    course.epoch - course.best.epoch > (earlyStopping.patience ?? 0);

  while (course.epoch < epochs) {
    if (hasStopped()) return end("earlyStopping");
    const all = batchesOf(dataset, {
      batchSize,
      dropLast,
      epoch: course.epoch,
      ...(key !== undefined && { shuffle: key }),
    });
    const stopped = await trainEpoch(course, all, {
      epochs,
      batchSize,
      augmentKey,
      breath,
      trainer,
      options,
    });
    if (stopped !== undefined) {
      if (stopped === "aborted") await save();
      return end(stopped);
    }
    const { model } = trainer;
    let measured: Record<string, number> = {};
    if (validation !== undefined) {
      const steps = evaluator.steps(model, validation, validationBatchSize);
      let step = steps.next();
      for (; step.done !== true; step = steps.next()) await breath();
      measured = step.value;
    }
    const record: EpochRecord = {
      epoch: course.epoch + 1,
      loss: course.lossSum / all.samples,
      metrics: measured,
      seconds: course.seconds,
    };
    course.history.push(record);
    Object.assign(course, { epoch: course.epoch + 1, batch: 0, lossSum: 0, seconds: 0 });
    if (earlyStopping !== undefined) {
      const value = record.metrics[earlyStopping.monitor] ?? record.loss;
      if (improves(earlyStopping, value, course.best)) {
        course.best = { epoch: record.epoch, value };
        if (bestState !== undefined) bestState = trainer.state;
      }
    }
    await options.onEpoch?.(record, model);
    const last = course.epoch === epochs || hasStopped() || signal?.aborted === true;
    if (last || course.epoch % (checkpoint?.every ?? 1) === 0) await save();
    if (signal?.aborted === true && course.epoch < epochs) return end("aborted");
  }
  return end(hasStopped() ? "earlyStopping" : "finished");
}

interface EpochSetting<M, B> {
  readonly epochs: number;
  readonly batchSize: number;
  readonly augmentKey: Tensor;
  readonly breath: () => Promise<void>;
  readonly trainer: TrainerLike<M, B>;
  readonly options: FitOptions<M, B>;
}

/** The steps of one epoch, from where the course says; why they ended early, if they did. */
async function trainEpoch<M, B>(
  course: Course,
  all: ReturnType<typeof batchesOf<B>>,
  { epochs, batchSize, augmentKey, breath, trainer, options }: EpochSetting<M, B>,
): Promise<"aborted" | "nonFinite" | undefined> {
  const { augment, onBatch, signal } = options;
  const epochKey = untraced(() => random.foldIn(augmentKey, course.epoch));
  const before = course.seconds;
  const [began, first] = [performance.now(), course.batch];
  let index = -1;
  for (const plain of all) {
    if (++index < first) continue;
    if (signal?.aborted === true) return "aborted";
    const batch = augment
      ? augment(
          plain,
          untraced(() => random.foldIn(epochKey, index)),
        )
      : plain;
    const loss = trainer.step(batch);
    const done = Math.min(all.samples, (index + 1) * batchSize);
    course.batch = index + 1;
    course.lossSum += loss * (done - index * batchSize);
    course.seconds = before + (performance.now() - began) / 1000;
    if (onBatch !== undefined) {
      const rate = (done - first * batchSize) / ((performance.now() - began) / 1000);
      onBatch({
        epoch: course.epoch + 1,
        epochs,
        batch: index + 1,
        batches: all.length,
        loss,
        meanLoss: course.lossSum / done,
        samplesPerSecond: rate,
        secondsLeft: (all.samples * (epochs - course.epoch) - done) / rate,
      });
    }
    if (!Number.isFinite(loss)) return "nonFinite";
    await breath();
  }
  return undefined;
}
