/** @file The options of reading and fitting a series, and the error of data that cannot be used. Imports `base` alone: help is built from it. */
import { AdjointError } from "../base/errors.ts";
import {
  abortSignal,
  between,
  callback,
  finitePositive,
  flag,
  listOf,
  names,
  oneOf,
  text,
  whole,
} from "../base/kinds.ts";
import { type OptionsOf, optional } from "../base/options.ts";

/** Data, or a model file, that cannot be used: ragged, out of order, too little, damaged. */
export class SeriesError extends AdjointError {
  override readonly name: string = "SeriesError";
}

/** The activations of a fit's network. */
export const activations = ["tanh", "relu", "softplus", "sigmoid"] as const;
/** The name of an activation of a fitted network: "tanh", "relu", "softplus" or "sigmoid". */
export type Activation = (typeof activations)[number];

/** How columns are scaled. */
export type ScaleKind = "auto" | "linear" | "log";

/** Which columns of a table are the series. */
export const columnsSpec = {
  time: optional(text, undefined, "column of times (default: the first)"),
  columns: optional(
    names,
    undefined,
    "columns to model, separated by commas (default: all others)",
  ),
  sort: optional(flag, false, "put rows in order of time"),
};

/** Options of `seriesFrom` and `readCsv`. */
export type ColumnOptions = OptionsOf<typeof columnsSpec>;

/** What decides the result of a fit. */
export const fitSpec = {
  hidden: optional(
    listOf(whole(1, 4096), { least: 1, most: 16 }),
    [32, 32],
    "units of the hidden layers",
  ),
  activation: optional(oneOf(activations), "tanh", `one of ${activations.join(", ")}`),
  iterations: optional(whole(1, 1e7), 2000, "number of training steps"),
  learningRate: optional(finitePositive, 0.01, "highest learning rate"),
  weightDecay: optional(between(0, 100), 0.3, "weight decay (AdamW)"),
  validation: optional(between(0, 0.9), 0.2, "share of the rows held out at the end, 0 for none"),
  patience: optional(
    whole(1, 1e7),
    undefined,
    "iterations without a better score before the fit ends (default: a quarter, at least 200)",
  ),
  window: optional(whole(2, 4096), 32, "most intervals in a window"),
  hiddenStates: optional(
    whole(0, 64),
    undefined,
    "state dimensions beyond the columns (default: 1 for a single column, otherwise 0)",
  ),
  scale: optional(
    oneOf(["auto", "linear", "log"]),
    "auto",
    "auto, linear, or log for positive data",
  ),
  seed: optional(whole(0, 2 ** 32 - 1), 0, "seed of everything random"),
};

/** Where a fit stands after an iteration. */
export interface FitProgress {
  /** Iterations done. */
  readonly iteration: number;
  /** Mean squared error of standardised values, plus that of the jumps between windows. */
  readonly loss: number;
  /** The latest error on the held-out rows; undefined until it was measured. */
  readonly validation: number | undefined;
  /** Evaluations of the vector field so far. */
  readonly evaluations: number;
}

/** What surrounds a fit. */
export const surroundings = {
  onProgress: optional(
    callback<(progress: FitProgress) => void>(),
    undefined,
    "called after each iteration",
  ),
  onResume: optional(
    callback<(iteration: number) => void>(),
    undefined,
    "called with the iteration at which a resumed fit continues",
  ),
  signal: optional(abortSignal, undefined, "stops the fit before its next iteration"),
};
