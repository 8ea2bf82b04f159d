// Runs Adjoint and its peers interleaved on one machine and prints a markdown table of ratios.
// Machines are noisy and differ: only ratios from one run mean anything.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cpus } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Demand, demands } from "./demands.ts";
import { median } from "./measure.ts";
import { type Line, formatTime } from "./report.ts";

export interface Comparison {
  /** Folder with the peers' scripts. */
  readonly peers: string;
  /** Python with torch, torchdiffeq and jax. */
  readonly python: string;
  readonly rounds: number;
  readonly workloads: readonly string[];
}
type Engine = "adjoint" | "limit" | "torch" | "jax";
/** Engine -> workload -> one line a round. */
type Lines = Record<Engine, Map<string, Line[]>>;

interface Command {
  readonly engine: Engine;
  readonly argv: readonly string[];
  readonly cwd?: string;
}

function commands({ peers, python, workloads }: Comparison): Command[] {
  const letters = workloads.join("");
  const main = fileURLToPath(new URL("./main.ts", import.meta.url));
  const data = existsSync(join(peers, "spiral.json")) ? ["--data", join(peers, "spiral.json")] : [];
  const ours = [process.execPath, ...process.execArgv, main, ...workloads, "--json", ...data];
  return [
    { engine: "adjoint", argv: ours },
    {
      engine: "limit",
      argv: [process.execPath, "bench_wasm.mjs", "limit/ode.wasm", "limit", letters],
      cwd: peers,
    },
    { engine: "torch", argv: [python, "bench_torch.py", "1", letters], cwd: peers },
    // XLA takes every core it sees: its one thread is a matter of affinity.
    { engine: "jax", argv: ["taskset", "-c", "0", python, "bench_jax.py", "1"], cwd: peers },
  ];
}

/** Runs a command and returns the JSON lines it printed; a peer that fails is left out, audibly. */
function run({ engine, argv, cwd }: Command): Line[] {
  const [program, ...args] = argv;
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: "1" };
  const result = spawnSync(program!, args, { cwd, env, encoding: "utf8", maxBuffer: 1e8 });
  const said = result.error?.message ?? result.stderr.trim().split("\n").at(-1);
  if (result.status !== 0) {
    if (engine === "adjoint") throw new Error(`bench: own run failed:\n${result.stderr}`);
    console.error(`bench: ${engine} is left out: ${said}`);
    return [];
  }
  return result.stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Line);
}

/** Fastest of the rounds' medians: what else the machine does can only add to a time. */
function time(lines: readonly Line[] | undefined): number | undefined {
  return lines === undefined ? undefined : Math.min(...lines.map((l) => l.median_ms));
}

/** Evaluations forward and backward, of the middle round. */
function evaluations(lines: readonly Line[] | undefined): number | undefined {
  const totals = (lines ?? []).map((l) => Number(l["nfe_fwd"]) + Number(l["nfe_bwd"]));
  return totals.length === 0 ? undefined : median(totals);
}

/** The ratio a demand speaks of, or undefined when either side was not measured. */
function ratio({ workload, peer, of }: Demand, lines: Lines): number | undefined {
  const own = lines.adjoint.get(workload);
  if (peer === "none") return time(own);
  const quantity = of === "evaluations" ? evaluations : time;
  const [a, b] = [quantity(own), quantity(lines[peer].get(workload))];
  if (a === undefined || b === undefined) return undefined;
  return of === "speed" ? b / a : a / b;
}

function demandRow(demand: Demand, lines: Lines): string {
  const value = ratio(demand, lines);
  const unit = demand.of === "milliseconds" ? " ms" : "x";
  const show = (v: number): string => `${v >= 100 ? v.toFixed(0) : v.toPrecision(3)}${unit}`;
  const met =
    value !== undefined &&
    (demand.kind === "floor" ? value >= demand.bound : value <= demand.bound);
  const asked = `${demand.kind === "floor" ? "at least" : "at most"} ${show(demand.bound)}`;
  const against = demand.peer === "none" ? "-" : `${demand.of} to ${demand.peer}`;
  const verdict = value === undefined ? "not measured" : met ? "yes" : "no";
  return `| ${demand.workload} | ${against} | ${asked} | ${value === undefined ? "-" : show(value)} | ${verdict} |`;
}

function timeRow(workload: string, lines: Lines): string {
  const own = time(lines.adjoint.get(workload))!;
  const cells = (["limit", "torch", "jax"] as const).map((engine) => {
    const ms = time(lines[engine].get(workload));
    return ms === undefined ? "-" : `${formatTime(ms)} (${(ms / own).toPrecision(3)}x)`;
  });
  return `| ${workload} | ${formatTime(own)} | ${cells.join(" | ")} |`;
}

/** Runs everything `rounds` times, interleaved, and prints two markdown tables. */
export function compare(comparison: Comparison): void {
  const peers = resolve(comparison.peers);
  // The peers run in their folder: a path to Python must not depend on it.
  const python = comparison.python.includes("/") ? resolve(comparison.python) : comparison.python;
  const lines: Lines = { adjoint: new Map(), limit: new Map(), torch: new Map(), jax: new Map() };
  for (let round = 1; round <= comparison.rounds; round++) {
    for (const command of commands({ ...comparison, peers, python })) {
      console.error(`bench: round ${round} of ${comparison.rounds}: ${command.engine}`);
      for (const line of run(command)) {
        const known = lines[command.engine].get(line.workload);
        if (known) known.push(line);
        else lines[command.engine].set(line.workload, [line]);
      }
    }
  }
  const engineNames = Object.values(lines)
    .map((byWorkload) => [...byWorkload.values()][0]?.[0]?.engine)
    .filter((name) => name !== undefined);
  console.log(`${engineNames.join(", ")}; Node ${process.version}; ${cpus()[0]?.model.trim()},`);
  console.log(
    `${cpus().length} cores; the fastest of ${comparison.rounds} interleaved rounds each.\n`,
  );
  console.log("| workload | what | asked | measured | met |\n| --- | --- | --- | --- | --- |");
  for (const demand of demands) {
    if (lines.adjoint.has(demand.workload)) console.log(demandRow(demand, lines));
  }
  console.log("\n| workload | adjoint | limit | torch | JAX |\n| --- | --- | --- | --- | --- |");
  for (const workload of lines.adjoint.keys()) console.log(timeRow(workload, lines));
}
