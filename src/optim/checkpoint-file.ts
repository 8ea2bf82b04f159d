/**
 * @file Checkpoints in files (Node only). A file is replaced in one instant: whoever is interrupted, at any moment, leaves either
 * the old checkpoint or the new one. Node's modules are asked for at run time, so that bundlers for browsers never meet them.
 */
import { ArgumentError, complaint, describe } from "../ir/errors.ts";
import { CheckpointError } from "./checkpoint-error.ts";
import { type Json, decodeCheckpoint, encodeCheckpoint, fillTree } from "./checkpoint.ts";
import type { Trainer, TrainerState } from "./trainer.ts";

interface NodeModules {
  readonly files: typeof import("node:fs/promises");
  readonly paths: typeof import("node:path");
}

/** Throws CheckpointError where there is no Node. */
function nodeModules(who: string): NodeModules {
  const { process } = globalThis as { process?: Partial<NodeJS.Process> };
  const builtin = process?.getBuiltinModule;
  if (builtin === undefined)
    throw new CheckpointError(
      complaint(
        who,
        "Node, which has files",
        "another environment",
        "Keep the bytes of encodeCheckpoint there, and give them to decodeCheckpoint.",
      ),
    );
  return { files: builtin("node:fs/promises"), paths: builtin("node:path") };
}

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
  const { files, paths } = nodeModules("saveCheckpoint");
  const bytes = encodeCheckpoint(isTrainer(from) ? from.state : from, metadata);
  const base = paths.basename(path);
  const folder = paths.dirname(path);
  const temporary = paths.join(folder, `.${base}.${process.pid}-${writes++}.tmp`);
  try {
    await sweep({ files, paths }, folder, base);
    const file = await files.open(temporary, "wx");
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await files.rename(temporary, path);
    await syncFolder(files, folder);
  } catch (cause) {
    await files.rm(temporary, { force: true });
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
  const { files } = nodeModules("loadCheckpoint");
  const who = `loadCheckpoint: ${path}`;
  let bytes: Uint8Array;
  try {
    bytes = await files.readFile(path);
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
async function sweep({ files, paths }: NodeModules, folder: string, base: string): Promise<void> {
  for (const name of await files.readdir(folder)) {
    const pid = name.startsWith(`.${base}.`)
      ? /^(\d+)-\d+\.tmp$/.exec(name.slice(base.length + 2))?.[1]
      : undefined;
    if (pid === undefined || isAlive(Number(pid))) continue;
    const file = paths.join(folder, name);
    const { mtimeMs } = await files.stat(file).catch(() => ({ mtimeMs: Infinity }));
    if (Date.now() - mtimeMs > fresh) await files.rm(file, { force: true });
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
async function syncFolder(files: NodeModules["files"], folder: string): Promise<void> {
  const handle = await files.open(folder, "r").catch(() => undefined);
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
