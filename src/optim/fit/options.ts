/** @file What `fit` takes and gives. */
import type { Tensor } from "../../ir/tensor.ts";
import type { Optimizer } from "../transformation.ts";
import type { Trainer } from "../trainer.ts";
import type { Best, EarlyStopping } from "./early-stopping.ts";
import type { Metrics, Reading } from "./evaluator.ts";

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
  /** Training samples a second in this epoch, validation not counted. */
  readonly samplesPerSecond: number;
  /** Seconds of training left at this speed, all epochs together. */
  readonly secondsLeft: number;
}

/** An epoch as history keeps it. */
export type EpochRecord = {
  /** Counts from 1. */
  readonly epoch: number;
  /** Mean of the batches' losses, each before its step, weighted by their sizes. */
  readonly loss: number;
  /** Metrics of the validation data after the epoch; empty without. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Duration of the training, validation not counted. */
  readonly seconds: number;
};

/** Options of `fit`. */
export interface FitOptions<M, B> extends Reading<M, B> {
  /** How often all samples are gone through: 1 unless given. A resumed fit counts from the very beginning. */
  readonly epochs?: number;
  /** Samples in a batch: 32 unless given. */
  readonly batchSize?: number;
  /** Seed or key of the samples' order, another one each epoch, and of `augment`'s keys: 0 unless given. false: the data's own order. */
  readonly shuffle?: number | Tensor | false;
  /** Whether a last batch of fewer samples is left out: false unless given. */
  readonly dropLast?: boolean;
  /** What to make of a batch before a step, with a key that is another one for each batch: augmentation. */
  readonly augment?: (batch: B, key: Tensor) => B;
  /** Data that metrics are computed of after each epoch: never trained on, not augmented. */
  readonly validation?: B;
  /** Computed of the validation data, in inference mode. */
  readonly metrics?: Metrics;
  /** Samples in a batch of validation: `batchSize` unless given. */
  readonly validationBatchSize?: number;
  /** Called after each step. */
  readonly onBatch?: (progress: BatchProgress) => void;
  /** Called after each epoch; waited for. */
  readonly onEpoch?: (record: EpochRecord, model: M) => void | Promise<void>;
  readonly earlyStopping?: EarlyStopping;
  /** Ends training after the step under way. */
  readonly signal?: AbortSignal;
  /** Where to keep what training can be resumed from (Node only). */
  readonly checkpoint?: CheckpointOptions;
}

/** Checkpoints of `fit`. */
export interface CheckpointOptions {
  /** File that is replaced each time. Written after the last epoch and when training is aborted, too. */
  readonly path: string;
  /** Epochs from one checkpoint to the next: 1 unless given. */
  readonly every?: number;
  /** Continues from the file, if it is there, to the bits of a training that was never interrupted: false unless given. */
  readonly resume?: boolean;
}

/** What `fit` needs to make a trainer of a model. */
export interface FitModelOptions<M> extends FitOptions<M, Labelled> {
  /** Of outputs and targets: `nn.crossEntropy`. Also computed of the validation data, as `metrics.loss`. */
  readonly loss: (output: Tensor, target: Tensor) => Tensor;
  readonly optimizer: Optimizer;
  /** Of the keys of layers that draw (dropout): 0 unless given. */
  readonly seed?: number;
}

/** Inputs and targets of as many samples. */
export type Labelled = { readonly x: Tensor; readonly y: Tensor };

/** How training went. */
export interface FitResult<M, B> {
  /** An entry an epoch, those before a resumption included. */
  readonly history: readonly EpochRecord[];
  /** "finished" after the last epoch; "nonFinite" if a loss was NaN or infinite. */
  readonly stopped: "finished" | "earlyStopping" | "aborted" | "nonFinite";
  /** The best epoch by `earlyStopping.monitor`. */
  readonly best: Best | undefined;
  /** The model as trained. */
  readonly model: M;
  readonly trainer: TrainerLike<M, B>;
}

/** What `fit` uses of a trainer. */
export type TrainerLike<M, B> = Pick<Trainer<M, B>, "step" | "model" | "state" | "restore">;
