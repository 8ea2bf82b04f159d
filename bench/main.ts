// npm run bench [-- WORKLOADS] [--json] [--data spiral.json] [--peers FOLDER --python PROGRAM]
// Measures the built package through its public entrances; with --peers, side by side with others.

import { parseArgs } from "node:util";
import { compare } from "./compare.ts";
import { printer } from "./report.ts";
import type { Workload } from "./workload.ts";

const workloads: Record<string, () => Promise<{ run: Workload }>> = {
  A: () => import("./a-spiral.ts"),
  B: () => import("./b-mlp64.ts"),
  C: () => import("./c-vgg19.ts"),
  D: () => import("./d-gemm.ts"),
  E: () => import("./e-tanh.ts"),
  G: () => import("./g-layers.ts"),
};

const usage = `usage: npm run bench -- [A,B,C,D,E,G] [options]
  --json           print the JSON lines the peers' scripts print
  --data FILE      spiral.json of the peers, for workload A on exactly their data
  --peers FOLDER   run the peers in FOLDER too, interleaved, and print a table of ratios
  --python PROGRAM the Python that has torch, torchdiffeq and jax (default python3)
  --rounds N       rounds of the comparison (default 3)`;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      data: { type: "string" },
      peers: { type: "string" },
      python: { type: "string", default: "python3" },
      rounds: { type: "string", default: "3" },
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
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new RangeError(`--rounds: expected a whole number from 1 on, got ${values.rounds}`);
  }
  if (values.peers !== undefined) {
    return compare({ peers: values.peers, python: values.python, rounds, workloads: names });
  }
  const print = printer(values.json);
  for (const name of names) {
    const { run } = await workloads[name]!();
    const options = values.data === undefined ? {} : { data: values.data };
    for (const measurement of run(options)) print(measurement);
  }
}

try {
  await main();
} catch (error) {
  const misused = error instanceof Error && (error instanceof RangeError || "code" in error);
  console.error(misused ? `bench: ${error.message}` : error);
  process.exitCode = misused ? 2 : 1;
}
