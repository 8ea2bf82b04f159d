/** @file Training and judging models over whole datasets. */
export type { Best, EarlyStopping } from "./early-stopping.ts";
export { evaluate, predict } from "./evaluate.ts";
export type { EvaluateOptions, PredictOptions } from "./evaluate.ts";
export type { Metrics, Reading } from "./evaluator.ts";
export { fit } from "./fit.ts";
export type {
  BatchProgress,
  CheckpointOptions,
  EpochRecord,
  FitModelOptions,
  FitOptions,
  FitResult,
  Labelled,
  TrainerLike,
} from "./options.ts";
