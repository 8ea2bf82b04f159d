/** @file The backend in use. */
import type { Backend } from "../backend/backend.ts";
import { createInterpBackend } from "../backend/interp/index.ts";
import { createWasmBackend } from "../backend/wasm/index.ts";
import { checkThreads, defaultThreads } from "../backend/wasm/threads/index.ts";
import { ArgumentError, complaint, describe } from "../base/errors.ts";

/** `wasm` is the fast one, `interp` the slow one it is checked against. */
export type BackendName = "wasm" | "interp";

const makers: Record<BackendName, () => Backend> = {
  wasm: () => createWasmBackend({ threads: (count ??= defaultThreads()) }),
  interp: createInterpBackend,
};

const made = new Map<BackendName, Backend>();
let chosen: BackendName = "wasm";
/** Threads asked for, or by default. */
let count: number | undefined;

/** The names that `setBackend` knows. */
export const backendNames: readonly BackendName[] = Object.keys(makers) as BackendName[];

/**
 * Chooses what runs everything compiled from now on (`wasm` unless said otherwise). Programs compiled before keep theirs.
 * Throws ArgumentError for an unknown name.
 */
export function setBackend(name: BackendName): void {
  if (!backendNames.includes(name))
    throw new ArgumentError(complaint("setBackend", backendNames.join(" or "), describe(name)));
  chosen = name;
}

/** The name of the backend in use. */
export function backendName(): BackendName {
  return chosen;
}

/**
 * Lets large kernels run on `wanted` threads from now on, the caller's included: a whole number from 1 (no others) to 64. Unless
 * told otherwise these are as many as the machine runs at a time, at most 16; in Node the environment variable ADJOINT_THREADS
 * says otherwise too. Results have the same bits on any number. Threads are started when the first program is compiled that can
 * use them; programs compiled before use no more than the most there were until then. Browsers share memory only on pages that
 * are cross-origin isolated: elsewhere there is one thread. Throws ArgumentError for anything else.
 */
export function setThreads(wanted: number): void {
  checkThreads("setThreads", wanted, describe(wanted));
  count = wanted;
  for (const instance of made.values()) instance.setThreads(wanted);
}

/**
 * The number of threads that kernels may run on. 1 where memory cannot be shared, after a ThreadError, and with the backend
 * `interp`.
 */
export function threads(): number {
  return backend().threads;
}

/** @internal The backend in use, made on first use. */
export function backend(): Backend {
  let instance = made.get(chosen);
  if (instance === undefined) made.set(chosen, (instance = makers[chosen]()));
  return instance;
}
