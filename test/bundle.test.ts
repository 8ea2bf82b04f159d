// Every entrance of the library can be bundled for browsers: no Node, no dependency, nothing left to resolve.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { describe, expect, test } from "vitest";
import { CheckpointError, saveCheckpoint } from "../src/optim/index.ts";
import { tensor } from "../src/index.ts";

describe("bundles for browsers", () => {
  test.each([
    "index.ts",
    "ode/index.ts",
    "nn/index.ts",
    "optim/index.ts",
    "models/index.ts",
    "explain/index.ts",
  ])("%s", async (entry) => {
    const result = await build({
      entryPoints: [fileURLToPath(new URL(`../src/${entry}`, import.meta.url))],
      bundle: true,
      write: false,
      metafile: true,
      format: "esm",
      platform: "browser",
      logLevel: "silent",
    });
    expect(result.errors).toEqual([]);
    expect(Object.values(result.metafile.outputs).flatMap(({ imports }) => imports)).toEqual([]);
  });

  test("checkpoints in files are for Node, and say so elsewhere", async () => {
    const { process } = globalThis;
    try {
      (globalThis as { process?: unknown }).process = undefined;
      const saving = saveCheckpoint("checkpoint", tensor(1));
      globalThis.process = process;
      await expect(saving).rejects.toThrow(CheckpointError);
      await expect(saving).rejects.toThrow(/expected Node.*encodeCheckpoint/);
    } finally {
      globalThis.process = process;
    }
  });
});
