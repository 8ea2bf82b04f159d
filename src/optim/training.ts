/**
 * @file The one training loop. A training is written as a generator that yields between its steps; the loop gives way to the event
 * loop there, stops when it is asked to, and writes checkpoints of the course of the training and of its tensors.
 */
import { breather } from "../base/breather.ts";
import { complaint, describe } from "../base/errors.ts";
import { count, either, flag, kind, text } from "../base/kinds.ts";
import { optional, required, schema } from "../base/options.ts";
import {
  CheckpointError,
  type Json,
  decodeCheckpoint,
  encodeCheckpoint,
  fillTree,
} from "./checkpoint.ts";
import { readBytes, writeBytes } from "./checkpoint-file.ts";

/**
 * What a training yields: before a step ("step": it may end here, and continue from a checkpoint), where a checkpoint is due
 * ("save"), and within long work that cannot be stopped ("wait").
 */
export type Moment = "step" | "save" | "wait";

/** Runs a training to its end, or until the signal asks it to stop; it is saved then. */
export async function runTraining<R>(
  moments: Generator<Moment, R> | AsyncGenerator<Moment, R>,
  {
    signal,
    save,
  }: { readonly signal?: AbortSignal | undefined; readonly save: () => Promise<void> },
): Promise<R | "aborted"> {
  const breathe = breather();
  for (;;) {
    const { value, done } = await moments.next();
    if (done === true) return value;
    if (value === "save") await save();
    else await breathe();
    if (value === "step" && signal?.aborted === true) {
      await save();
      return "aborted";
    }
  }
}

/** A place of one's own for checkpoints, in a browser's storage for example. */
export interface CheckpointStore {
  /** The bytes that were written last, undefined if there are none. */
  read(): Promise<Uint8Array | undefined>;
  /** Replaces the bytes all at once: whoever reads finds either the old ones or the new ones. */
  write(bytes: Uint8Array): Promise<void>;
}

const store = kind<CheckpointStore>("an object with read and write", (given) => {
  const { read, write } = (given ?? {}) as Partial<CheckpointStore>;
  return typeof read === "function" && typeof write === "function";
});

/** Where checkpoints go, how often they are written, and whether to continue from one. `each` names what is counted. */
export const checkpointSchema = (each: string, every: number) =>
  schema({
    path: required(
      either(text, store),
      "The file that is replaced each time (Node only), or { read, write } over bytes. Also written when training is aborted.",
    ),
    every: optional(count, every, `Number of ${each} from one checkpoint to the next.`),
    resume: optional(
      flag,
      false,
      "Whether to continue from the checkpoint, if there is one, to the bits of a training that was never interrupted.",
    ),
  });

/** What has to be equal for a resumed training to be the same training, by name. */
export type Terms = Readonly<Record<string, Json>>;

/** A course read from a checkpoint, and its tensors, to be put into a tree of their structure. */
export interface SavedCourse<C> {
  readonly course: C;
  fill<T>(like: T): T;
}

/** Writes the course of a training (plain data) and a tree of its tensors. Throws CheckpointError if it cannot. */
export async function saveCourse(
  who: string,
  to: string | CheckpointStore,
  terms: Terms,
  course: object,
  tensors: unknown,
): Promise<void> {
  const bytes = encodeCheckpoint(tensors, { fit: { ...course, terms } } as Json);
  if (typeof to === "string") await writeBytes(who, to, bytes);
  else await to.write(bytes);
}

/**
 * The course of a training, undefined where nothing was saved. `upgrade` brings the metadata of earlier versions into today's form.
 * Throws CheckpointError for bytes that are not a checkpoint of a fit, and for one with other terms.
 */
export async function loadCourse<C>(
  who: string,
  from: string | CheckpointStore,
  terms: Terms,
  upgrade: (metadata: Json) => Json = (metadata) => metadata,
): Promise<SavedCourse<C> | undefined> {
  const source = typeof from === "string" ? `${who}: ${from}` : `${who}: checkpoint`;
  const bytes = typeof from === "string" ? await readBytes(who, from) : await from.read();
  if (bytes === undefined) return undefined;
  const { tensors, metadata } = decodeCheckpoint(bytes, source);
  const { fit } = (upgrade(metadata) ?? {}) as { readonly fit?: { readonly terms?: Terms } };
  if (typeof fit?.terms !== "object" || fit.terms === null)
    throw new CheckpointError(complaint(source, "a checkpoint that fit wrote", describe(metadata)));
  const { terms: before, ...course } = fit;
  for (const [name, value] of Object.entries(terms))
    if (before[name] !== value)
      throw new CheckpointError(
        complaint(
          `${source}: a checkpoint of another fit`,
          `${name} ${String(value)} as now`,
          String(before[name]),
          "Resume with the data and options that it began with, or start anew without resume.",
        ),
      );
  return { course: course as C, fill: (like) => fillTree(source, like, tensors) };
}
