/** @file The code on a page of the documentation is one program, or one for each section, and runs as written. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { expect, test, vi } from "vitest";
import { run } from "../cli/run-cli.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const room = (name: string): string => join(root, "src", name, "index.ts");

const entrances: Readonly<Record<string, string>> = {
  "adjoint/explain": room("explain"),
  "adjoint/models": room("models"),
  "adjoint/nn": room("nn"),
  "adjoint/optim": room("optim"),
  "adjoint/series": room("series"),
  "adjoint/shapes": room("shapes"),
  "adjoint/ode": room("ode"),
  adjoint: room(""),
};

/** All TypeScript on a page, or under one of its headings. */
function codeOf(page: string, heading?: string): string {
  const text =
    heading === undefined ? page : page.split(/^## /m).find((part) => part.startsWith(heading))!;
  const blocks = [...text.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, code]) => code!);
  expect(blocks.length).toBeGreaterThan(heading === undefined ? 5 : 0);
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
      files: ["page.mts", join(root, "src", "explain", "figure", "gifenc.d.ts")],
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

/**
 * Checks the types of the code on a page, or under one of its headings, runs it unless it wants files, and gives the page and what
 * it printed.
 */
async function pageAndOutput(
  name: string,
  heading?: string,
  wantsFiles = false,
): Promise<{ page: string; printed: string[] }> {
  const page = readFileSync(join(root, name === "README.md" ? "" : "docs", name), "utf8");
  const code = codeOf(page, heading);
  const folder = mkdtempSync(join(tmpdir(), "adjoint-docs-"));
  const printed: string[] = [];
  vi.spyOn(console, "log").mockImplementation(
    (...words: unknown[]) => void printed.push(words.join(" ")),
  );
  try {
    const file = join(folder, "page.mjs");
    expect(complaintsOf(code, folder)).toBe("");
    if (wantsFiles) return { page, printed };
    await bundle(code, file);
    await import(/* @vite-ignore */ pathToFileURL(file).href);
  } finally {
    vi.restoreAllMocks();
    rmSync(folder, { recursive: true, force: true });
  }
  return { page, printed };
}

test("convolutional-networks.md", async () => {
  const { page, printed } = await pageAndOutput("convolutional-networks.md");
  expect(printed).toHaveLength(1);
  expect(printed[0]).toMatch(/\(None, 196, 196, 10\).* 760 /);
  expect(page, "the summary on the page").toContain(printed[0]);
});

test("explaining.md", async () => {
  const { page, printed } = await pageAndOutput("explaining.md");
  const names = printed.map((line) => line.split(" ")[0]!);
  expect(names.length).toBeGreaterThan(15);
  // A row for every method, with the name that its paper gives it a year for.
  for (const name of names) expect(page, name).toContain(`| \`${name}\` |`);
});

// Sections of extending.md are programs of their own.
test.each([
  "Your own layer",
  "Your own solver",
  "Your own explanation method",
  "Your own optimiser transform",
  "Your own loss",
])("extending.md: %s", async (heading) => {
  await pageAndOutput("extending.md", heading);
});

test("command-line.md: the same in code", async () => {
  await pageAndOutput("command-line.md", "What `fit` does");
});

test.each([
  ["Explain an image classifier", true],
  ["Tensors and derivatives", false],
  ["Differential equations", false],
  ["Training", false],
  ["Convolutional networks", false],
])("README.md: %s", async (heading, wantsFiles) => {
  await pageAndOutput("README.md", heading, wantsFiles);
});

test.each(["README.md", "docs/command-line.md"])(
  "the commands on %s have the options that it gives them",
  async (page) => {
    const text = readFileSync(join(root, page), "utf8");
    const lines = [...text.matchAll(/^(?:npx )?adjoint (\w+)(.*)$/gm)];
    expect(lines.length).toBeGreaterThan(5);
    const helps = new Map<string, Promise<string>>();
    for (const [line, command, given] of lines) {
      if (!helps.has(command!))
        helps.set(
          command!,
          run([command!, "--help"], root).then(({ stdout }) => stdout),
        );
      // oxlint-disable-next-line no-await-in-loop
      const help = await helps.get(command!)!;
      for (const [option] of given!.matchAll(/(?<=\s)--?[a-zA-Z][\w-]*/g))
        expect(help, line).toMatch(new RegExp(`^\\s+.*${option}\\b`, "m"));
    }
  },
);
