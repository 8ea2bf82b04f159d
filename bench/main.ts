// npm run bench [-- WORKLOADS] [--threads N] [--json] [--data spiral.json] [--peers FOLDER --python PROGRAM --packages FOLDER]
// Measures the built package through its public entrances; with --peers side by side with other libraries, with --against side by
// side with another version of itself.

import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { setThreads } from "adjoint";
import { compareAgainst } from "./against.ts";
import { compare } from "./compare.ts";
import { compareLayers } from "./compare-layers.ts";
import { compareModels } from "./compare-models.ts";
import { printer } from "./report.ts";
import type { Options, Workload } from "./workload.ts";

const workloads: Record<string, () => Promise<{ run: Workload }>> = {
  A: () => import("./a-spiral.ts"),
  B: () => import("./b-mlp64.ts"),
  C: () => import("./c-vgg19.ts"),
  D: () => import("./d-gemm.ts"),
  E: () => import("./e-tanh.ts"),
  F: () => import("./f-mnist.ts"),
  G: () => import("./g-layers.ts"),
  H: () => import("./h-models.ts"),
  I: () => import("./i-explain.ts"),
};

const usage = `usage: npm run bench -- [A,B,C,D,E,F,G,H,I] [options]
  --threads N       threads that kernels may use (default 1); with --peers or --packages, only the
                    comparisons on so many (default all)
  --json            print the JSON lines the peers' scripts print
  --data FILE       spiral.json of the peers, for workload A on exactly their data
  --only PART       of workloads G and H, only layers or networks with PART in their names
  --peers FOLDER    run the peers in FOLDER too, interleaved, and print tables of ratios
  --python PROGRAM  the Python that has torch, torchdiffeq, jax and grad-cam (default python3)
  --packages FOLDER a folder with a node_modules that has the peers' packages, for C (with --peers:
                    @tensorflow/tfjs and its backend-wasm), for G (onnxruntime-web) and for H (all of
                    these, and onnxruntime-node)
  --rounds N        rounds of the comparison (default 3)
  --against FOLDER  a built checkout of another version: both are measured in turns, with the time that
                    imports take, and what is slower is named
  --quick           with --against, only some layers of G and networks of H, and C, F, G, H and I in
                    every other round: nine rounds take some 25 minutes instead of 90`;

/** A whole number from 1 on, or undefined where nothing was given. */
function count(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new RangeError(`--${name}: expected a whole number from 1 on, got ${text}`);
}

/** Prints our own measurements one by one. */
async function measure(names: readonly string[], json: boolean, options: Options): Promise<void> {
  const print = printer(json);
  for (const name of names) {
    const { run } = await workloads[name]!();
    for (const measurement of run(options)) print(measurement);
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      threads: { type: "string" },
      json: { type: "boolean", default: false },
      data: { type: "string" },
      only: { type: "string", default: "" },
      peers: { type: "string" },
      python: { type: "string", default: "python3" },
      packages: { type: "string" },
      rounds: { type: "string", default: "3" },
      against: { type: "string" },
      quick: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return console.log(usage);

  const chosen = positionals.flatMap((p) => p.toUpperCase().split(","));
  const names = chosen.length > 0 ? chosen : Object.keys(workloads);
  const unknown = names.filter((name) => !(name in workloads));
  if (unknown.length > 0) {
    throw new RangeError(
      `no workload ${unknown.join(", ")}: choose from ${Object.keys(workloads)}`,
    );
  }
  const [rounds, threads] = [count("rounds", values.rounds)!, count("threads", values.threads)];
  const { data, only, python, quick } = values;
  const [peers, packages] = [values.peers, values.packages].map((path) => path && resolve(path));

  if (values.against !== undefined) {
    const other = resolve(values.against);
    return compareAgainst({ other, workloads: names, rounds, threads, only, quick });
  }
  if (peers === undefined && packages === undefined) {
    // Children get the number of threads from the environment.
    process.env["ADJOINT_THREADS"] = String(threads ?? 1);
    setThreads(threads ?? 1);
    return measure(names, values.json, { only, ...(data !== undefined && { data }) });
  }
  const others = names.filter((name) => name !== "G" && name !== "H").join("");
  if (peers === undefined && chosen.length > 0 && others !== "")
    throw new RangeError(`--packages alone compares G and H only: ${others} needs --peers too`);
  if (packages === undefined && names.length > others.length)
    console.error("bench: G and H are left out: their peers need --packages");
  if (peers !== undefined && others !== "") {
    // The peers run in their folder: a path to Python must not depend on it.
    const found = { folder: peers, python: python.includes("/") ? resolve(python) : python };
    const all = { ...found, ...(packages !== undefined && { packages }) };
    compare({ peers: all, rounds, workloads: others, threads });
  }
  if (packages !== undefined && names.includes("G"))
    compareLayers({ packages, rounds, only, threads });
  if (packages !== undefined && names.includes("H"))
    await compareModels({ packages, rounds, only, threads });
}

try {
  await main();
} catch (error) {
  const misused = error instanceof Error && (error instanceof RangeError || "code" in error);
  console.error(misused ? `bench: ${error.message}` : error);
  process.exitCode = misused ? 2 : 1;
}
