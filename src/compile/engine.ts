/** @file The backend in use. */
import type { Backend } from "../backend/backend.ts";
import { createInterpBackend } from "../backend/interp/index.ts";
import { createWasmBackend } from "../backend/wasm/index.ts";
import { ArgumentError, complaint, describe } from "../ir/errors.ts";

/** `wasm` is the fast one, `interp` the slow one it is checked against. */
export type BackendName = "wasm" | "interp";

const makers: Record<BackendName, () => Backend> = {
  wasm: createWasmBackend,
  interp: createInterpBackend,
};

const made = new Map<BackendName, Backend>();
let chosen: BackendName = "wasm";

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

/** @internal The backend in use, made on first use. */
export function backend(): Backend {
  let instance = made.get(chosen);
  if (instance === undefined) made.set(chosen, (instance = makers[chosen]()));
  return instance;
}
