// Runs Adjoint and its peers interleaved on one machine and prints markdown tables of ratios.
// Machines are noisy and differ: only ratios from one run mean anything.

import { cpus } from "node:os";
import { type Peers, commandsOf, withPackages } from "./engines.ts";
import { Results, linesOf } from "./results.ts";
import { demandTable, timeTable } from "./tables.ts";

export interface Comparison {
  readonly peers: Peers;
  readonly rounds: number;
  /** Letters. */
  readonly workloads: string;
  /** Only comparisons on so many threads. */
  readonly threads: number | undefined;
}

/** What was measured, on what. */
export function circumstances(names: readonly string[], rounds: number): string {
  const model = cpus()[0]?.model.trim();
  const machine = `Node ${process.version}; ${model}, ${cpus().length} cores`;
  return `${names.join(", ")}; ${machine}; the fastest of ${rounds} interleaved rounds each.`;
}

/** Runs everything `rounds` times, interleaved, and prints the demands and the times. */
export function compare({ peers, rounds, workloads, threads }: Comparison): void {
  const results = new Results();
  withPackages(peers.folder, peers.packages, (packages) => {
    const { folder, python } = peers;
    const found = { folder, python, ...(packages !== undefined && { packages }) };
    for (let round = 1; round <= rounds; round++)
      for (const command of commandsOf(workloads, threads, found)) {
        const { engine, threads: count, workloads: letters } = command;
        console.error(`bench: round ${round} of ${rounds}: ${letters} on ${count}: ${engine}`);
        results.add(command, linesOf(engine, command) ?? []);
      }
  });
  console.log(`${circumstances(results.names, rounds)}\n\n${demandTable(results)}`);
  for (const count of new Set(results.own.map((one) => one.threads)))
    console.log(`\nThreads: ${count}\n\n${timeTable(results, count)}`);
}
