/** @file How many threads there are to use. */
import { ArgumentError, complaint } from "../../../base/errors.ts";
import { mostThreads } from "./layout.ts";

/** Beyond these a kernel's chunks hardly keep more threads busy; whoever knows better asks for more. */
const mostByDefault = 16;

/**
 * Threads used unless told otherwise: the environment variable ADJOINT_THREADS where there is one, else as many as the machine
 * runs at a time, up to 16. Throws ArgumentError if the variable is no number of threads.
 */
export function defaultThreads(): number {
  const { process, navigator } = globalThis as {
    process?: Partial<NodeJS.Process>;
    navigator?: { readonly hardwareConcurrency?: number };
  };
  const asked = process?.env?.["ADJOINT_THREADS"];
  if (asked !== undefined && asked !== "") {
    checkThreads("ADJOINT_THREADS", Number(asked), asked);
    return Number(asked);
  }
  const available =
    process?.getBuiltinModule?.("node:os").availableParallelism() ??
    navigator?.hardwareConcurrency ??
    1;
  return Math.max(1, Math.min(mostByDefault, available));
}

/** Throws ArgumentError if `count` is no number of threads. */
export function checkThreads(who: string, count: unknown, shown: string): void {
  if (!(Number.isInteger(count) && (count as number) >= 1 && (count as number) <= mostThreads))
    throw new ArgumentError(
      complaint(who, `a whole number of threads from 1 to ${mostThreads}`, shown),
    );
}
