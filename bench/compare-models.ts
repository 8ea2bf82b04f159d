// Workload H against onnxruntime-node, onnxruntime-web and TensorFlow.js: the same networks with the same weights, through our own
// ONNX files and (for TensorFlow.js) our own topologies, on 1 and on 2 threads, as markdown tables of times and of the peers' by
// ours. A peer whose first probability is another is said to disagree.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { saveModel } from "adjoint/models";
import { circumstances } from "./compare.ts";
import { type Command, ownCommand } from "./engines.ts";
import { chosen, lively } from "./h-models.ts";
import { type Line, formatTime } from "./report.ts";
import { linesOf } from "./results.ts";
import { digits, head, row } from "./tables.ts";

export interface ModelComparison {
  /** Folder with a node_modules that has the peers' packages; those that are not there are left out. */
  readonly packages: string;
  readonly rounds: number;
  /** A part of the names of the architectures that count. */
  readonly only: string;
  /** The only number of threads; 1 and 2 unless given. */
  readonly threads: number | undefined;
}

const sides = ["adjoint", "onnxruntime-node", "onnxruntime-web", "tfjs"] as const;
type Side = (typeof sides)[number];

function command(
  side: Side,
  threads: number,
  folder: string,
  { packages, only }: ModelComparison,
): Command {
  const own = ownCommand("H", threads, "--only", only);
  if (side === "adjoint") return own;
  const modules = join(packages, "node_modules");
  const script = side === "tfjs" ? "tfjs_models.mjs" : "ort_models.mjs";
  const path = fileURLToPath(new URL(`./peers/${script}`, import.meta.url));
  const engine = side === "tfjs" ? [] : [side];
  return { ...own, argv: [process.execPath, path, modules, ...engine, String(threads), folder] };
}

/** Writes every network as the peers read it. */
async function writeModels(folder: string, only: string): Promise<void> {
  for (const architecture of chosen(only)) {
    console.error(`bench: writing ${architecture.name}`);
    const network = lively(architecture);
    const path = join(folder, `${architecture.name}@${architecture.inputSize}`);
    // One after another: each takes half a gigabyte.
    // oxlint-disable-next-line no-await-in-loop
    for (const extension of [".onnx", ".safetensors"]) await saveModel(path + extension, network);
  }
}

/** The fastest of the rounds a workload, and what it said. */
type Best = Map<string, Line>;

function keep(best: Best, line: Line): void {
  if (typeof line.median_ms !== "number") {
    console.error(`bench: ${line.engine} is left out of ${line.workload}: ${line["error"]}`);
    return;
  }
  const known = best.get(line.workload);
  if (known === undefined || line.median_ms < known.median_ms) best.set(line.workload, line);
}

function table(results: ReadonlyMap<Side, Best>): string {
  const own = results.get("adjoint")!;
  const others = sides.filter((side) => side !== "adjoint" && results.get(side)!.size > 0);
  const cell = (line: Line | undefined, ours: Line): string => {
    if (line === undefined) return "-";
    const [found, expected] = [Number(line["probe"]), Number(ours["probe"])];
    const agrees = Math.abs(found - expected) <= 1e-4 * Math.abs(expected);
    const ratio = digits(line.median_ms / ours.median_ms);
    return `${formatTime(line.median_ms)} (${ratio}x)${agrees ? "" : " disagrees"}`;
  };
  const rows = [...own].map(([workload, ours]) =>
    row([
      workload.slice("H.".length),
      formatTime(ours.median_ms),
      ...others.map((side) => cell(results.get(side)!.get(workload), ours)),
    ]),
  );
  return [head(["network", "adjoint", ...others]), ...rows].join("\n");
}

/** Runs all sides `rounds` times, interleaved, and prints the tables. */
export async function compareModels(comparison: ModelComparison): Promise<void> {
  const { rounds, threads, only } = comparison;
  const counts = threads === undefined ? [1, 2] : [threads];
  const all = new Map(
    counts.map((count) => [count, new Map(sides.map((side) => [side, new Map() as Best]))]),
  );
  const names = new Set<string>();
  const folder = mkdtempSync(join(tmpdir(), "adjoint-models-"));
  try {
    await writeModels(folder, only);
    for (let round = 1; round <= rounds; round++)
      for (const [count, results] of all)
        for (const [side, best] of results) {
          console.error(`bench: round ${round} of ${rounds}: H on ${count}: ${side}`);
          for (const line of linesOf(side, command(side, count, folder, comparison)) ?? []) {
            names.add(line.engine);
            keep(best, line);
          }
        }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(circumstances([...names], rounds));
  for (const [count, results] of all) console.log(`\nThreads: ${count}\n\n${table(results)}`);
}
