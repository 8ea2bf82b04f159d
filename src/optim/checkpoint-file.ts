/**
 * @file Checkpoints in files (Node only). A file is replaced in one instant: whoever is interrupted, at any moment, leaves either
 * the old checkpoint or the new one. Node's modules are loaded on first use, so that a bundle for browsers need not have them.
 */
import { ArgumentError, complaint, describe } from "../ir/errors.ts";
import { CheckpointError } from "./checkpoint-error.ts";
import { type Json, decodeCheckpoint, encodeCheckpoint, fillTree } from "./checkpoint.ts";
import type { Trainer, TrainerState } from "./trainer.ts";

type AnyTrainer = Trainer<never, never>;

/** Ages below which another process may still be writing, in milliseconds. */
const fresh = 60_000;
let writes = 0;

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
  const bytes = encodeCheckpoint(isTrainer(from) ? from.state : from, metadata);
  const { open, rename, rm } = await import("node:fs/promises");
  const { basename, dirname, join } = await import("node:path");
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${process.pid}-${writes++}.tmp`);
  try {
    await sweep(folder, basename(path));
    const file = await open(temporary, "wx");
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(folder);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new CheckpointError(
      `saveCheckpoint: cannot write ${path}: ${reason(cause)}. Is the folder there, writable and not full?`,
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
  const { readFile } = await import("node:fs/promises");
  const who = `loadCheckpoint: ${path}`;
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new CheckpointError(`loadCheckpoint: cannot read ${path}: ${reason(cause)}.`, { cause });
  }
  const { tensors, metadata } = decodeCheckpoint(bytes, who);
  if (!isTrainer(into)) return { tree: fillTree(who, into, tensors), metadata };
  const state = fillTree(who, into.state, tensors);
  into.restore(state);
  return { tree: state, metadata };
}

/** Removes what processes that were killed while they wrote have left behind. */
async function sweep(folder: string, base: string): Promise<void> {
  const { readdir, rm, stat } = await import("node:fs/promises");
  const { join } = await import("node:path");
  for (const name of await readdir(folder)) {
    const pid = name.startsWith(`.${base}.`)
      ? /^(\d+)-\d+\.tmp$/.exec(name.slice(base.length + 2))?.[1]
      : undefined;
    if (pid === undefined || isAlive(Number(pid))) continue;
    const file = join(folder, name);
    const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: Infinity }));
    if (Date.now() - mtimeMs > fresh) await rm(file, { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}

/** A rename is on disk once its folder is. Where folders cannot be opened (Windows), the system sees to it. */
async function syncFolder(folder: string): Promise<void> {
  const { open } = await import("node:fs/promises");
  const handle = await open(folder, "r").catch(() => undefined);
  if (handle === undefined) return;
  try {
    await handle.sync().catch(() => undefined);
  } finally {
    await handle.close();
  }
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

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
