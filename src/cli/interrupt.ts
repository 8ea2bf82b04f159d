// Ctrl-C as a signal to the work, so that it ends where it can.
import { Interrupted } from "./errors.ts";

/**
 * Runs work that Ctrl-C ends through its signal.
 * @throws Interrupted with the message when it did
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
