// The code on a page of the documentation is one program, and runs as written.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { expect, test, vi } from "vitest";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const room = (name: string): string => join(root, "src", name, "index.ts");

const entrances: Readonly<Record<string, string>> = {
  "adjoint/nn": room("nn"),
  "adjoint/optim": room("optim"),
  "adjoint/ode": room("ode"),
  adjoint: room(""),
};

/** All TypeScript on a page. */
function codeOf(text: string): string {
  const blocks = [...text.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, code]) => code!);
  expect(blocks.length).toBeGreaterThan(5);
  return blocks.join("\n");
}

/** What the type checker says of code. */
function complaintsOf(code: string, folder: string): string {
  const project = join(folder, "tsconfig.json");
  writeFileSync(join(folder, "page.mts"), code);
  const paths = Object.fromEntries(Object.entries(entrances).map(([name, to]) => [name, [to]]));
  writeFileSync(
    project,
    JSON.stringify({
      extends: join(root, "tsconfig.json"),
      compilerOptions: {
        paths,
        typeRoots: [join(root, "node_modules", "@types")],
        noUnusedLocals: false,
        isolatedDeclarations: false,
        declaration: false,
      },
      files: ["page.mts"],
      include: [],
    }),
  );
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  return spawnSync(process.execPath, [tsc, "-p", project, "--noEmit"], { encoding: "utf8" }).stdout;
}

/** Compiles code together with the library. */
async function bundle(code: string, file: string): Promise<void> {
  await build({
    stdin: { contents: code, resolveDir: root, loader: "ts" },
    alias: entrances,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    outfile: file,
    logLevel: "error",
  });
}

test("convolutional-networks.md", async () => {
  const page = readFileSync(join(root, "docs", "convolutional-networks.md"), "utf8");
  const code = codeOf(page);
  const folder = mkdtempSync(join(tmpdir(), "adjoint-docs-"));
  const printed: string[] = [];
  vi.spyOn(console, "log").mockImplementation((line: string) => void printed.push(line));
  try {
    const file = join(folder, "page.mjs");
    expect(complaintsOf(code, folder)).toBe("");
    await bundle(code, file);
    await import(/* @vite-ignore */ pathToFileURL(file).href);
  } finally {
    vi.restoreAllMocks();
    rmSync(folder, { recursive: true, force: true });
  }
  expect(printed).toHaveLength(1);
  expect(printed[0]).toMatch(/\(None, 196, 196, 10\).* 760 /);
  expect(page, "the summary on the page").toContain(printed[0]);
});
