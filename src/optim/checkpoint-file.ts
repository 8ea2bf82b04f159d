/** @file Checkpoints in files (Node only). Whoever is interrupted, at any moment, leaves either the old checkpoint or the new one. */
import { ArgumentError, complaint, describe } from "../base/errors.ts";
import { type NodeModules, nodeModules, reasonOf, replaceFile } from "../base/node/files.ts";
import { CheckpointError } from "./checkpoint-error.ts";
import { type Json, decodeCheckpoint, encodeCheckpoint, fillTree } from "./checkpoint.ts";
import type { Trainer, TrainerState } from "./trainer.ts";

/** Throws CheckpointError where there is no Node. */
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

type AnyTrainer = Trainer<never, never>;

/**
 * Writes a trainer's state, or any tree of tensors, with metadata (anything that JSON can hold) to a file in the safetensors
 * format. What is saved is the state at the time of the call, even if training goes on while the file is written. When the
 * promise is fulfilled the file has reached the disk. Throws CheckpointError naming the path if it cannot be written.
 */
export async function saveCheckpoint(
  path: string,
  from: unknown,
  metadata: Json = null,
): Promise<void> {
  checkPath("saveCheckpoint", path);
  const modules = requireNode("saveCheckpoint");
  const bytes = encodeCheckpoint(isTrainer(from) ? from.state : from, metadata);
  try {
    await replaceFile(modules, path, [bytes]);
  } catch (cause) {
    throw new CheckpointError(
      `saveCheckpoint: cannot write ${path}: ${reasonOf(cause)}. Is the folder there, writable and not full?`,
      { cause },
    );
  }
}

/**
 * Reads a checkpoint and puts it into a trainer, which then continues from it to the same bits; gives the metadata back.
 * Throws CheckpointError naming the path if the file cannot be read, is damaged, or is of another model; the trainer is then as before.
 */
export async function loadCheckpoint<M, B>(
  path: string,
  into: Trainer<M, B>,
): Promise<{ readonly tree: TrainerState; readonly metadata: Json }>;
/** Reads a checkpoint as a tree of the structure of `into` (a module, say), which is left alone. Throws as above. */
export async function loadCheckpoint<T>(
  path: string,
  into: T,
): Promise<{ readonly tree: T; readonly metadata: Json }>;
export async function loadCheckpoint(
  path: string,
  into: unknown,
): Promise<{ readonly tree: unknown; readonly metadata: Json }> {
  checkPath("loadCheckpoint", path);
  const { files } = requireNode("loadCheckpoint");
  const who = `loadCheckpoint: ${path}`;
  let bytes: Uint8Array;
  try {
    bytes = await files.readFile(path);
  } catch (cause) {
    throw new CheckpointError(`loadCheckpoint: cannot read ${path}: ${reasonOf(cause)}.`, {
      cause,
    });
  }
  const { tensors, metadata } = decodeCheckpoint(bytes, who);
  if (!isTrainer(into)) return { tree: fillTree(who, into, tensors), metadata };
  const state = fillTree(who, into.state, tensors);
  into.restore(state);
  return { tree: state, metadata };
}

function isTrainer(value: unknown): value is AnyTrainer {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as Partial<AnyTrainer>).restore === "function" &&
    "state" in value
  );
}

function checkPath(who: string, path: string): void {
  if (typeof path !== "string" || path === "")
    throw new ArgumentError(complaint(`${who}: path`, "a path", describe(path)));
}
