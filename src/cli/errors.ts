/** @file The three ways in which a command can end badly, the one line that each prints, and Ctrl-C as a signal to the work. */

/** What was typed cannot be meant: the command line itself is wrong. Exit code 2. */
export class UsageError extends Error {
  override readonly name: string = "UsageError";
}

/** The command was understood but its work failed: bad data, unreadable files. Exit code 1. */
export class WorkError extends Error {
  override readonly name: string = "WorkError";
}

/** The user stopped the work (Ctrl-C). Exit code 130, as shells expect. */
export class Interrupted extends Error {
  override readonly name: string = "Interrupted";
}

/** Exit code for whatever a command threw. */
export function exitCode(error: unknown): number {
  if (error instanceof UsageError) return 2;
  return error instanceof Interrupted ? 130 : 1;
}

/** Errors of the library that say all of it themselves: what came from outside was wrong. By name, for the library is loaded late. */
const selfExplaining = new Set(["FormatError", "DownloadError", "ExplainError", "SeriesError"]);

/** One line for whatever was thrown. Unforeseen errors name their class: they are ours to mend. */
export function oneLine(error: unknown): string {
  if (!(error instanceof Error)) return String(error).replace(/\s+/g, " ");
  const foreseen =
    error instanceof UsageError ||
    error instanceof WorkError ||
    error instanceof Interrupted ||
    selfExplaining.has(error.name);
  const text = foreseen ? error.message : `${error.name}: ${error.message}`;
  return text.replace(/\s+/g, " ").trim();
}

/** The sentence behind a failed file-system call. */
export function reason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  const known: Record<string, string> = {
    ENOENT: "it does not exist",
    ENOTDIR: "a part of the path is not a folder",
    EISDIR: "it is a folder",
    EACCES: "permission denied",
    EPERM: "permission denied",
    EROFS: "the file system is read-only",
    ENOSPC: "the disk is full",
    ENAMETOOLONG: "the name is too long",
    ELOOP: "its symbolic links form a loop",
    EMFILE: "too many files are open",
  };
  return (code && known[code]) ?? (error instanceof Error ? error.message : String(error));
}

/**
 * Runs work that Ctrl-C ends through its signal.
 * Throws Interrupted with the message if it was ended.
 */
export async function interruptible<T>(
  message: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const stop = (): void => controller.abort(new Interrupted(message));
  process.once("SIGINT", stop);
  try {
    return await work(controller.signal);
  } finally {
    process.removeListener("SIGINT", stop);
  }
}
