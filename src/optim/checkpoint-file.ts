/** @file Checkpoints in files (Node only). An interruption, at any moment, leaves either the old checkpoint or the new one. */
import { ArgumentError, complaint } from "../base/errors.ts";
import { text } from "../base/kinds.ts";
import { type NodeModules, nodeModules, reasonOf, replaceFile } from "../base/node/files.ts";
import {
  CheckpointError,
  type Json,
  decodeCheckpoint,
  encodeCheckpoint,
  fillTree,
} from "./checkpoint.ts";
import type { Trainer, TrainerState } from "./trainer.ts";

/** Throws CheckpointError in environments other than Node. */
function requireNode(who: string): NodeModules {
  const modules = nodeModules();
  if (modules === undefined)
    throw new CheckpointError(
      complaint(
        who,
        "Node, which has files",
        "another environment",
        "Keep the bytes of encodeCheckpoint there, and give them to decodeCheckpoint.",
      ),
    );
  return modules;
}

/** Replaces a file by these bytes, which have reached the disk when the promise is fulfilled. Throws CheckpointError naming the path. */
export async function writeBytes(who: string, path: string, bytes: Uint8Array): Promise<void> {
  const modules = requireNode(who);
  try {
    await replaceFile(modules, path, [bytes]);
  } catch (cause) {
    throw new CheckpointError(
      `${who}: cannot write ${path}: ${reasonOf(cause)}. Is the folder there, writable and not full?`,
      { cause },
    );
  }
}

/** The bytes of a file, undefined if there is none. Throws CheckpointError naming the path if it cannot be read. */
export async function readBytes(who: string, path: string): Promise<Uint8Array | undefined> {
  const { files } = requireNode(who);
  try {
    return await files.readFile(path);
  } catch (cause) {
    if ((cause as { code?: unknown }).code === "ENOENT") return undefined;
    throw new CheckpointError(`${who}: cannot read ${path}: ${reasonOf(cause)}.`, { cause });
  }
}

/**
 * Writes a trainer's state, or any tree of tensors, with metadata (anything that JSON can hold) to a file in the safetensors
 * format. It holds the state at the time of the call, even if training goes on while the file is written. When the promise is
 * fulfilled the file has reached the disk. Throws CheckpointError naming the path if it cannot be written, ArgumentError for leaves
 * that are not tensors and for metadata that JSON cannot hold.
 */
export async function saveCheckpoint(
  path: string,
  from: unknown,
  metadata: Json = null,
): Promise<void> {
  const who = "saveCheckpoint";
  text.read(`${who}: path`, path, ArgumentError);
  requireNode(who);
  await writeBytes(who, path, encodeCheckpoint(isTrainer(from) ? from.state : from, metadata));
}

/**
 * Reads a checkpoint into a trainer, which then continues from it to the same bits, and returns its tensors and metadata.
 * Throws CheckpointError naming the path if the file cannot be read, is damaged, or is of another model; the trainer is then unchanged.
 */
export async function loadCheckpoint<M, B>(
  path: string,
  into: Trainer<M, B>,
): Promise<{ readonly tree: TrainerState; readonly metadata: Json }>;
/** Reads a checkpoint as a tree of the structure of `into` (a module, for example), which is left alone. Throws as above. */
export async function loadCheckpoint<T>(
  path: string,
  into: T,
): Promise<{ readonly tree: T; readonly metadata: Json }>;
export async function loadCheckpoint(
  path: string,
  into: unknown,
): Promise<{ readonly tree: unknown; readonly metadata: Json }> {
  text.read("loadCheckpoint: path", path, ArgumentError);
  const who = `loadCheckpoint: ${path}`;
  const bytes = await readBytes("loadCheckpoint", path);
  if (bytes === undefined)
    throw new CheckpointError(`loadCheckpoint: cannot read ${path}: it does not exist (ENOENT).`);
  const { tensors, metadata } = decodeCheckpoint(bytes, who);
  if (!isTrainer(into)) return { tree: fillTree(who, into, tensors), metadata };
  const state = fillTree(who, into.state, tensors);
  into.restore(state);
  return { tree: state, metadata };
}

function isTrainer(value: unknown): value is Trainer<never, never> {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as Partial<Trainer<never, never>>).restore === "function" &&
    "state" in value
  );
}
