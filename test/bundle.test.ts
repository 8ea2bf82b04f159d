// Every entrance of the library can be bundled for browsers: no Node, no dependency, nothing left to resolve.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { describe, expect, test } from "vitest";
import { CheckpointError, saveCheckpoint } from "../src/optim/index.ts";
import { tensor } from "../src/index.ts";

/** What a bundler makes of an entrance for browsers. */
const bundled = (entry: string, minify = false) =>
  build({
    entryPoints: [fileURLToPath(new URL(`../src/${entry}`, import.meta.url))],
    bundle: true,
    minify,
    write: false,
    metafile: true,
    format: "esm",
    platform: "browser",
    logLevel: "silent",
  });

describe("bundles for browsers", () => {
  test.each([
    "index.ts",
    "ode/index.ts",
    "nn/index.ts",
    "optim/index.ts",
    "series/index.ts",
    "models/index.ts",
    "explain/index.ts",
    "shapes/index.ts",
  ])("%s", async (entry) => {
    const { errors, metafile } = await bundled(entry);
    expect(errors).toEqual([]);
    expect(Object.values(metafile.outputs).flatMap(({ imports }) => imports)).toEqual([]);
  });

  // Bundlers copy the file of every `new URL("...", import.meta.url)`: half a megabyte for the two trained networks.
  test("explaining a network brings along no trained network", async () => {
    const assets = async (entry: string): Promise<string[]> => {
      const { metafile } = await bundled(entry);
      return Object.keys(metafile.inputs)
        .filter((path) => path.startsWith("src/"))
        .flatMap((path) => readFileSync(path, "utf8").match(/new URL\("[^"]*assets[^"]*"/g) ?? []);
    };
    expect(await assets("explain/index.ts")).toEqual([]);
    expect(await assets("shapes/index.ts")).toHaveLength(2);
    const { inputs, outputs } = (await bundled("explain/index.ts", true)).metafile;
    const own = Object.keys(inputs).filter((path) => /^src\/(shapes|models\/formats)\//.test(path));
    expect(own, "what reads or holds trained networks").toEqual([]);
    const bytes = Object.values(outputs).reduce((sum, output) => sum + output.bytes, 0);
    expect(bytes).toBeLessThan(550_000);
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
