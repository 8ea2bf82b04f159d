/**
 * @file Files where there is Node. A file is replaced in one instant: whoever is interrupted leaves either the old one or the new
 * one. Node's modules are asked for at run time, so that bundlers for browsers never meet them.
 */

/** The modules of Node that deal with files and packages. */
export interface NodeModules {
  readonly files: typeof import("node:fs/promises");
  readonly paths: typeof import("node:path");
  readonly modules: typeof import("node:module");
  readonly hashes: typeof import("node:crypto");
  readonly system: typeof import("node:os");
  readonly urls: typeof import("node:url");
}

type Files = Pick<NodeModules, "files" | "paths">;

/** Node's modules, or undefined in other environments. */
export function nodeModules(): NodeModules | undefined {
  const { process } = globalThis as { process?: Partial<NodeJS.Process> };
  const builtin = process?.getBuiltinModule;
  return builtin === undefined
    ? undefined
    : {
        files: builtin("node:fs/promises"),
        paths: builtin("node:path"),
        modules: builtin("node:module"),
        hashes: builtin("node:crypto"),
        system: builtin("node:os"),
        urls: builtin("node:url"),
      };
}

/** What a failed operation says of itself. */
export function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** Ages below which another process may still be writing, in milliseconds. */
const fresh = 60_000;
let writes = 0;

/**
 * Puts chunks one after another in place of a file, which has reached the disk when the promise is fulfilled. Where it is not,
 * the file is as before. Throws what the system says.
 */
export async function replaceFile(
  { files, paths }: Files,
  path: string,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const base = paths.basename(path);
  const folder = paths.dirname(path);
  const temporary = paths.join(folder, `.${base}.${process.pid}-${writes++}.tmp`);
  try {
    await sweep({ files, paths }, folder, base);
    const file = await files.open(temporary, "wx");
    try {
      for await (const chunk of chunks) await file.writeFile(chunk);
      await file.sync();
    } finally {
      await file.close();
    }
    await files.rename(temporary, path);
    await syncFolder(files, folder);
  } catch (cause) {
    await files.rm(temporary, { force: true });
    throw cause;
  }
}

/** Removes what processes that were killed while they wrote have left behind. */
async function sweep({ files, paths }: Files, folder: string, base: string): Promise<void> {
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
