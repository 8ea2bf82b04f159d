// Checkpoints of a fit: everything from which it goes on to the same bits.
import { readFile } from "node:fs/promises";
import { AdjointError } from "../../index.ts";
import {
  type Json,
  type TrainerState,
  decodeCheckpoint,
  loadCheckpoint,
  saveCheckpoint,
} from "../../optim/index.ts";
import { WorkError, oneLine, reason } from "../errors.ts";
import type { Course } from "./course.ts";
import type { Shooting } from "./network.ts";

/** The tensors of a checkpoint: the trainer now, when training was last sound, and the model that is kept. */
export interface Saved {
  readonly now: TrainerState;
  readonly sound: TrainerState;
  readonly kept: Shooting;
}

interface Notes {
  readonly fingerprint: string;
  readonly course: Course;
}

/** Writes a checkpoint atomically. */
export async function writeCheckpoint(
  path: string,
  fingerprint: string,
  course: Course,
  saved: Saved,
): Promise<void> {
  try {
    await saveCheckpoint(path, { ...saved }, { fingerprint, course } as unknown as Json);
  } catch (error) {
    throw new WorkError(oneLine(error));
  }
}

/**
 * Reads where an interrupted fit stood.
 * @returns undefined if there is no checkpoint
 * @throws WorkError if the file is damaged or belongs to another fit
 */
export async function readCourse(path: string, fingerprint: string): Promise<Course | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new WorkError(`cannot read ${path}: ${reason(error)}`);
  }
  try {
    const notes = decodeCheckpoint(bytes, path).metadata as unknown as Notes | null;
    if (notes?.fingerprint === fingerprint) return notes.course;
  } catch (error) {
    if (error instanceof AdjointError) throw new WorkError(error.message);
    throw error;
  }
  throw new WorkError(
    `${path}: a checkpoint of another fit (other data or options); leave out --resume to start anew`,
  );
}

/** Reads the tensors of a checkpoint, given a tree of their structure. */
export async function readSaved(path: string, like: Saved): Promise<Saved> {
  try {
    return (await loadCheckpoint(path, { ...like })).tree;
  } catch (error) {
    if (error instanceof AdjointError) throw new WorkError(error.message);
    throw error;
  }
}
