/** @file Training: optimisers, schedules, the trainer, whole fits, data, checkpoints. */
import "../compile/evaluate.ts";
import "../ops/index.ts";

export { decodeCheckpoint, encodeCheckpoint, CheckpointError } from "./checkpoint.ts";
export type { Checkpoint, Json } from "./checkpoint.ts";
export { loadCheckpoint, saveCheckpoint } from "./checkpoint-file.ts";
export { augmentations, randomCrop, randomFlip, randomShift } from "./data/augment.ts";
export type { Augmentation, RandomCropOptions } from "./data/augment.ts";
export { batches, channelStatistics, normalise } from "./data/dataset.ts";
export type { BatchOptions, Batches, ChannelStatistics } from "./data/dataset.ts";
export { DataError, gunzip, readIdx } from "./data/files.ts";
export type { GunzipOptions, ReadIdxOptions } from "./data/files.ts";
export { evaluate, predict } from "./evaluate.ts";
export type { EvaluateOptions, Metrics, PredictOptions, Reading } from "./evaluate.ts";
export { fit } from "./fit.ts";
export type {
  BatchProgress,
  Best,
  CheckpointOptions,
  EarlyStopping,
  EpochRecord,
  FitModelOptions,
  FitOptions,
  FitResult,
  Labelled,
  TrainerLike,
} from "./fit.ts";
export { adam, adamw, rmsprop, sgd } from "./optimizers.ts";
export type { AdamOptions, AdamwOptions, RmspropOptions, SgdOptions } from "./optimizers.ts";
export * as schedules from "./schedules.ts";
export { trainer } from "./trainer.ts";
export type { Loss, Trainer, TrainerOptions, TrainerState } from "./trainer.ts";
export type { CheckpointStore } from "./training.ts";
export { chain, stateful, stateless } from "./transformation.ts";
export type { Optimizer, Rate, Schedule, Transformation, Transformed } from "./transformation.ts";
export {
  accumulateMomentum,
  addDecayedWeights,
  clipByGlobalNorm,
  clipByValue,
  globalNorm,
  scaleByAdam,
  scaleByLearningRate,
  scaleByRms,
} from "./transforms.ts";
export type { AdamMoments, RmsOptions } from "./transforms.ts";
