// Who is compared on what, with how many threads, and the commands that measure it.

import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const engines = ["adjoint", "limit", "torch", "jax", "tfjs"] as const;
export type Engine = (typeof engines)[number];

/** Where the peers are. */
export interface Peers {
  /** Folder with the peers' scripts. */
  readonly folder: string;
  /** Python with torch, torchdiffeq and jax. */
  readonly python: string;
  /** Folder with a node_modules that has the peers' packages; without it those peers are left out. */
  readonly packages?: string;
}

export interface Command {
  readonly engine: Engine;
  readonly threads: number;
  /** Letters of the workloads whose lines count; a script may print more. */
  readonly workloads: string;
  readonly argv: readonly string[];
  readonly cwd?: string;
}

type Script =
  | "adjoint"
  | "limit"
  | "limitThreads"
  | "limitVgg"
  | "torch"
  | "cnn"
  | "cam"
  | "jax"
  | "tfjs";

interface Comparison {
  readonly workloads: string;
  readonly threads: number;
  readonly scripts: readonly Script[];
}

/** In turns, so that what is compared is measured within minutes. */
const comparisons: readonly Comparison[] = [
  ...["A", "B", "D", "E"].map((workloads): Comparison => ({
    workloads,
    threads: 1,
    scripts: ["adjoint", "limit", "torch"],
  })),
  // JAX's script measures all it has.
  { workloads: "ABDE", threads: 1, scripts: ["jax"] },
  { workloads: "B", threads: 2, scripts: ["adjoint", "torch", "jax"] },
  { workloads: "C", threads: 2, scripts: ["adjoint", "torch", "limitVgg", "tfjs"] },
  { workloads: "D", threads: 2, scripts: ["adjoint", "torch", "limitThreads"] },
  { workloads: "F", threads: 2, scripts: ["adjoint", "cnn"] },
  { workloads: "I", threads: 2, scripts: ["adjoint", "cam"] },
];

const local = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The command that runs this benchmark on one workload, for JSON lines. */
export function ownCommand(workload: string, threads: number, ...more: string[]): Command {
  const main = [process.execPath, ...process.execArgv, local("./main.ts")];
  const argv = [...main, workload, "--json", "--threads", String(threads), ...more];
  return { engine: "adjoint", threads, workloads: workload, argv };
}

function command(script: Script, { workloads, threads }: Comparison, peers: Peers): Command[] {
  const { folder, python, packages } = peers;
  const spiral = join(folder, "spiral.json");
  const count = String(threads);
  const of = (engine: Engine, argv: readonly string[], cwd = folder): Command[] => [
    { engine, threads, workloads, argv, cwd },
  ];
  const node = process.execPath;
  switch (script) {
    case "adjoint": {
      const data = workloads === "A" && existsSync(spiral) ? ["--data", spiral] : [];
      return [ownCommand(workloads, threads, ...data)];
    }
    case "limit":
      return of("limit", [node, "bench_wasm.mjs", "limit/ode.wasm", "limit", workloads]);
    case "limitVgg":
      return of("limit", [node, "bench_wasm_vgg.mjs", "limit/vgg.wasm", "limit"]);
    case "limitThreads":
      return of("limit", [node, "bench_wasm_vgg.mjs", "limit/vgg.wasm", "limit", "novgg"]);
    case "torch":
      return of("torch", [python, "bench_torch.py", count, workloads]);
    case "cnn":
      return of("torch", [python, local("./peers/torch_cnn.py"), count]);
    case "cam":
      return of("torch", [python, local("./peers/torch_cam.py"), count]);
    case "jax": {
      // XLA takes every core it sees: its threads are a matter of affinity.
      const cores = threads === 1 ? "0" : `0-${threads - 1}`;
      return of("jax", ["taskset", "-c", cores, python, "bench_jax.py", count]);
    }
    case "tfjs":
      if (packages === undefined) return [];
      return of("tfjs", [node, "bench_tfjs.mjs", "wasm", count, workloads], packages);
  }
}

/** Commands in the order of a round; with `threads`, only those on so many. */
export function commandsOf(letters: string, threads: number | undefined, peers: Peers): Command[] {
  return comparisons
    .filter((one) => threads === undefined || one.threads === threads)
    .map((one) => {
      const asked = [...one.workloads].filter((letter) => letters.includes(letter)).join("");
      return { ...one, workloads: asked };
    })
    .filter((one) => one.workloads !== "")
    .flatMap((one) => one.scripts.flatMap((script) => command(script, one, peers)));
}

/**
 * Runs `work` with a temporary folder in which the scripts of the folder of peers find the packages: they look for them
 * beside themselves. Undefined without packages.
 */
export function withPackages<R>(
  folder: string,
  packages: string | undefined,
  work: (staged: string | undefined) => R,
): R {
  if (packages === undefined) return work(undefined);
  const staged = mkdtempSync(join(tmpdir(), "adjoint-peers-"));
  try {
    for (const name of ["bench_tfjs.mjs", "spiral.json"])
      if (existsSync(join(folder, name))) cpSync(join(folder, name), join(staged, name));
    symlinkSync(join(packages, "node_modules"), join(staged, "node_modules"), "dir");
    return work(staged);
  } finally {
    rmSync(staged, { recursive: true, force: true });
  }
}
