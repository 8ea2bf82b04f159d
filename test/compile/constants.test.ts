/** @file Tensors that programs capture: shared, given back, and never before nobody reads them; memory that runs short. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterEach, describe, expect, it, vi } from "vitest";
import { backend, setBackend } from "../../src/compile/engine.ts";
import { type Tensor, conv2d, jit, relu } from "../../src/index.ts";
import { difference } from "../support/check-image-program.ts";
import { sample } from "../support/random-image-program.ts";

const setting = { dtype: "float32", exact: true, smooth: false, largest: 0, extent: 0 } as const;

afterEach(() => {
  vi.restoreAllMocks();
  setBackend("wasm");
});

it("stay as long as anybody reads them, and no longer, minified too", async () => {
  const folder = mkdtempSync(join(tmpdir(), "adjoint-kept-"));
  try {
    const outfile = join(folder, "kept.mjs");
    await build({
      entryPoints: [fileURLToPath(new URL("../support/kept.ts", import.meta.url))],
      bundle: true,
      minify: true,
      keepNames: true,
      outfile,
      format: "esm",
      platform: "node",
      target: "es2023",
    });
    const { stdout, stderr } = spawnSync(process.execPath, ["--expose-gc", outfile], {
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    const found = JSON.parse(stdout) as Record<string, number | boolean>;
    expect(Object.keys(found)).toHaveLength(19);
    for (const [what, value] of Object.entries(found))
      if (typeof value === "number") expect(value, what).toBeLessThanOrEqual(0);
      else expect([what, value]).toEqual([what, true]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe("where memory runs short", () => {
  it("a program that was not made leaves nothing behind, and is made when there is some", () => {
    const { memory } = backend();
    const allocate = memory.allocate.bind(memory);
    const bias = sample(setting, [20], 3);
    // The first call of all takes what the backend keeps.
    const begin = sample(setting, [3, 3, 8, 20], 2);
    jit((x: Tensor) => relu(conv2d(x, begin).add(bias)))(sample(setting, [2, 9, 9, 8], 1));
    let thrown = 0;
    for (let failing = 0; failing < 12; failing++) {
      const kernel = sample(setting, [3, 3, 8, 20], 5 + failing);
      const layer = jit((x: Tensor) => relu(conv2d(x, kernel).add(bias)));
      const x = sample(setting, [2, 9, 9, 8], failing);
      const before = memory.used;
      let calls = 0;
      vi.spyOn(memory, "allocate").mockImplementation((bytes) => {
        if (calls++ >= failing) throw new RangeError("kernel memory: none left");
        return allocate(bytes);
      });
      try {
        layer(x);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
        thrown++;
      }
      vi.restoreAllMocks();
      const held = memory.used;
      const found = layer(x);
      setBackend("interp");
      const wanted = layer(x);
      setBackend("wasm");
      expect(difference([found], [wanted], 0)).toBeUndefined();
      // The second attempt takes no more than a first one would have: nothing was lost.
      expect(memory.used - before).toBeLessThan(60_000);
      expect(held).toBeLessThanOrEqual(memory.used);
    }
    expect(thrown).toBeGreaterThan(4);
  });
});
