// Same seed, same bits: here, in a bundle on this Node, and on other Nodes where they can be had
// (Chromium's bits are compared in test/browser). Set ADJOINT_TEST_NODES=20,22,24 to fetch Nodes by npx.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { setThreads, threads } from "../../src/index.ts";
import { golden, imageGolden } from "./golden.ts";
import { imageBits } from "./images.ts";
import { trainedBits } from "./train.ts";

const asked = (process.env["ADJOINT_TEST_NODES"] ?? "").split(",").filter(Boolean);
const otherNodes = [...new Set(["20", "22", "24", ...asked])];
if (asked.length === 0) {
  console.warn("test/determinism: other Nodes SKIPPED (ADJOINT_TEST_NODES=20,22,24 fetches them)");
}

describe("the seeded training gives the golden bits", () => {
  const folder = mkdtempSync(join(tmpdir(), "adjoint-bits-"));
  const script = join(folder, "print.mjs");
  /** [Node's version, hashes] that a command prints. */
  const bitsOf = (command: string, args: readonly string[], count = ""): string[] => {
    const env = { ...process.env, ADJOINT_THREADS: count };
    const result = spawnSync(command, args, { cwd: folder, encoding: "utf8", env });
    if (result.status !== 0) throw new Error(result.stderr || String(result.error));
    return result.stdout.trim().split(" ");
  };

  beforeAll(async () => {
    const entry = fileURLToPath(new URL("./print.ts", import.meta.url));
    await build({
      entryPoints: [entry],
      bundle: true,
      outfile: script,
      format: "esm",
      platform: "node",
      target: "es2023",
    });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test("here", () => {
    expect(trainedBits()).toBe(golden);
  });

  test.each([1, 2, 3])("of a convolutional network on %s threads", (count) => {
    const before = threads();
    setThreads(count);
    expect(imageBits()).toBe(imageGolden);
    setThreads(before);
  });

  test.each(["1", "4"])("in a fresh process, as a bundle, on %s threads", (count) => {
    const bits = bitsOf(process.execPath, [script], count);
    expect(bits).toEqual([process.version, golden, imageGolden]);
  });

  test("with other bits when one training step is left out", () => {
    expect(trainedBits(24)).not.toBe(golden);
    expect(imageBits(2)).not.toBe(imageGolden);
  });

  describe.each(otherNodes)("on Node %s", (version) => {
    test.skipIf(!asked.includes(version))(
      "fetched by npx",
      () => {
        const args = ["--yes", "--package", `node@${version}`, "node", script];
        const [ran, ...bits] = bitsOf("npx", args, "2");
        expect(ran).toMatch(new RegExp(`^v${version}\\.`));
        expect(bits).toEqual([golden, imageGolden]);
      },
      300_000,
    );
  });
});
