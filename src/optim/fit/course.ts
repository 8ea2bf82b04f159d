/** @file The course of a training: all that a checkpoint keeps beside the trainer's state. */
import { complaint, describe } from "../../base/errors.ts";
import { CheckpointError } from "../checkpoint-error.ts";
import { loadCheckpoint, saveCheckpoint } from "../checkpoint-file.ts";
import type { Json } from "../checkpoint.ts";
import type { TrainerState } from "../trainer.ts";
import type { Best } from "./early-stopping.ts";
import type { CheckpointOptions, EpochRecord } from "./options.ts";

/** Where a training stands. */
export interface Course {
  /** Epochs done. */
  epoch: number;
  /** Batches done of the epoch under way, and the sum of their losses, and its seconds so far. */
  batch: number;
  lossSum: number;
  seconds: number;
  history: EpochRecord[];
  best: Best | undefined;
}

/** A training at its beginning. */
export function newCourse(): Course {
  return { epoch: 0, batch: 0, lossSum: 0, seconds: 0, history: [], best: undefined };
}

/** The trainer's state now and after the best epoch. */
export interface States {
  readonly now: TrainerState;
  readonly best?: TrainerState;
}

/** What must be equal for a resumed training to be the same training. */
export type Terms = {
  readonly samples: number;
  readonly batchSize: number;
  readonly dropLast: boolean;
  readonly key: string;
};

/** Writes a checkpoint. Throws CheckpointError naming the path if it cannot. */
export async function saveCourse(
  { path }: CheckpointOptions,
  course: Course,
  terms: Terms,
  states: States,
): Promise<void> {
  await saveCheckpoint(path, states, {
    fit: { ...course, best: course.best ?? null, history: course.history as Json[], terms },
  } as Json);
}

/**
 * The course and states in a checkpoint, undefined if there is no file. `like` is a state of the same structure. Throws
 * CheckpointError for files of another model, of other data or batch sizes, and for anything that is no checkpoint of `fit`.
 */
export async function loadCourse(
  { path }: CheckpointOptions,
  like: States,
  terms: Terms,
): Promise<{ course: Course; states: States } | undefined> {
  let loaded: { tree: States; metadata: Json };
  try {
    loaded = await loadCheckpoint<States>(path, like);
  } catch (error) {
    const cause = (error as { cause?: { code?: unknown } }).cause;
    if (error instanceof CheckpointError && cause?.code === "ENOENT") return undefined;
    throw error;
  }
  const { fit } = (loaded.metadata ?? {}) as {
    fit?: Omit<Course, "best"> & { best: Best | null; terms: Terms };
  };
  if (typeof fit !== "object" || !Array.isArray(fit.history) || typeof fit.terms !== "object")
    throw new CheckpointError(
      complaint(`fit: ${path}`, "a checkpoint that fit wrote", describe(loaded.metadata)),
    );
  for (const [name, value] of Object.entries(terms))
    if (fit.terms[name as keyof Terms] !== value)
      throw new CheckpointError(
        complaint(
          `fit: ${path}`,
          `${name} ${value} as now`,
          `${fit.terms[name as keyof Terms]}`,
          "Resume with the options and data it was begun with, or without resume.",
        ),
      );
  const { epoch, batch, lossSum, seconds } = fit;
  const history = fit.history.map(readRecord);
  return {
    course: { epoch, batch, lossSum, seconds, history, best: fit.best ?? undefined },
    states: loaded.tree,
  };
}

/** JSON has null for numbers that are none. */
function readRecord(record: EpochRecord): EpochRecord {
  const read = (value: number | null): number => value ?? NaN;
  return {
    ...record,
    loss: read(record.loss),
    metrics: Object.fromEntries(
      Object.entries(record.metrics).map(([name, value]) => [name, read(value)]),
    ),
  };
}
