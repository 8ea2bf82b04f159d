/** @file Runs a suite once on each backend. */
import { afterAll, beforeAll, describe } from "vitest";
import { type BackendName, setBackend } from "../../src/compile/engine.ts";

/** The backends that convolutions and pooling are tested on. */
export const imageBackends: readonly BackendName[] = ["interp"];

/** `suite` under the name of each backend, with that backend in use. */
export function describeOn(backends: readonly BackendName[], suite: () => void): void {
  describe.each(backends)("%s", (name) => {
    beforeAll(() => setBackend(name));
    afterAll(() => setBackend("wasm"));
    suite();
  });
}
