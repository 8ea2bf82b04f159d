// Runs the built program as a user would, in a folder of its own.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const program: string = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
if (!existsSync(program)) throw new Error(`${program} is missing: run "npm run build" first`);

export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running program. */
export interface Running {
  readonly done: Promise<Outcome>;
  /** Sends a signal as soon as it has printed the pattern. */
  readonly killAt: (pattern: RegExp, signal: NodeJS.Signals) => void;
}

export function start(args: readonly string[], cwd: string): Running {
  const child = spawn(process.execPath, [program, ...args], {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  let awaited: { readonly pattern: RegExp; readonly signal: NodeJS.Signals } | undefined;
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    if (awaited?.pattern.test(stderr)) {
      child.kill(awaited.signal);
      awaited = undefined;
    }
  });
  const done = new Promise<Outcome>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return { done, killAt: (pattern, signal) => (awaited = { pattern, signal }) };
}

export const run = (args: readonly string[], cwd: string): Promise<Outcome> =>
  start(args, cwd).done;

/** A fresh folder with the given files, and how to remove it. */
export function folder(files: Readonly<Record<string, string>> = {}): {
  readonly path: string;
  readonly at: (name: string) => string;
  readonly remove: () => void;
} {
  const path = mkdtempSync(join(tmpdir(), "adjoint-cli-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return {
    path,
    at: (name) => join(path, name),
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** Two columns turning around each other, on irregular times, with some cells empty. */
export function circle(rows = 24): string {
  const lines = ["t,x,y"];
  for (let i = 0; i < rows; i++) {
    const t = i * 0.4 + 0.1 * Math.sin(7 * i);
    const cell = (value: number, row: number): string => (i % 9 === row ? "" : value.toFixed(4));
    lines.push(`${t.toFixed(4)},${cell(3 + Math.cos(t), 4)},${cell(Math.sin(t), 7)}`);
  }
  return `${lines.join("\n")}\n`;
}
