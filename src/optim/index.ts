/** @file Training: optimisers, schedules, the trainer, checkpoints. */
import "../compile/evaluate.ts";
import "../ops/index.ts";

export { adam } from "./adam.ts";
export type { AdamOptions } from "./adam.ts";
export { adamw } from "./adamw.ts";
export type { AdamwOptions } from "./adamw.ts";
export { CheckpointError } from "./checkpoint-error.ts";
export { loadCheckpoint, saveCheckpoint } from "./checkpoint-file.ts";
export { decodeCheckpoint, encodeCheckpoint } from "./checkpoint.ts";
export type { Checkpoint, Json } from "./checkpoint.ts";
export * from "./data/index.ts";
export * from "./fit/index.ts";
export { rmsprop } from "./rmsprop.ts";
export type { RmspropOptions } from "./rmsprop.ts";
export * as schedules from "./schedules/index.ts";
export type { Rate, Schedule } from "./schedules/index.ts";
export { sgd } from "./sgd.ts";
export type { SgdOptions } from "./sgd.ts";
export { trainer } from "./trainer.ts";
export type { Loss, Trainer, TrainerOptions, TrainerState } from "./trainer.ts";
export { chain, stateless } from "./transformation.ts";
export type { Optimizer, Transformation, Transformed } from "./transformation.ts";
export * from "./transforms/index.ts";
