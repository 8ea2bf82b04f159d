// Runs commands that print JSON lines, and keeps the lines by engine, number of threads and workload.

import { spawnSync } from "node:child_process";
import type { Command, Engine } from "./engines.ts";
import { median } from "./measure.ts";
import type { Line } from "./report.ts";

/** What a command ran, and the lines it printed; undefined, audibly, where it failed. */
export function linesOf(name: string, { argv, cwd }: Omit<Command, "engine">): Line[] | undefined {
  const [program, ...args] = argv;
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: "1" };
  const result = spawnSync(program!, args, { cwd, env, encoding: "utf8", maxBuffer: 1e8 });
  if (result.status === 0)
    return result.stdout
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Line);
  if (name === "adjoint") throw new Error(`bench: own run failed:\n${result.stderr}`);
  const said = result.error?.message ?? result.stderr.trim().split("\n").at(-1);
  console.error(`bench: ${name} is left out: ${said}`);
  return undefined;
}

/** Lines of all rounds. */
export class Results {
  readonly #lines: Map<string, Line[]> = new Map();
  readonly #names: Map<Engine, string> = new Map();
  /** What Adjoint was measured on, in order. */
  readonly own: { readonly workload: string; readonly threads: number }[] = [];

  add({ engine, threads, workloads }: Command, lines: readonly Line[]): void {
    for (const line of lines) {
      // PyTorch's convolutions are the fastest on channels-last memory: that is what counts as PyTorch.
      const workload = line.workload.replace(/\.channels_last$/, "");
      if (line.threads !== threads || !workloads.includes(workload[0]!)) continue;
      // A peer may say of a workload that it cannot do it.
      if (typeof line.median_ms !== "number") continue;
      this.#names.set(engine, line.engine);
      const known = this.of(engine, threads, workload);
      if (known.length === 0 && engine === "adjoint") this.own.push({ workload, threads });
      this.#lines.set(`${engine} ${threads} ${workload}`, [...known, line]);
    }
  }

  of(engine: Engine, threads: number, workload: string): readonly Line[] {
    return this.#lines.get(`${engine} ${threads} ${workload}`) ?? [];
  }

  /** Engines measured, as they name themselves. */
  get names(): string[] {
    return [...this.#names.values()];
  }

  /** Fastest of the rounds' medians: what else the machine does can only add to a time. */
  time(engine: Engine, threads: number, workload: string): number | undefined {
    return least(this.of(engine, threads, workload).map((line) => line.median_ms));
  }

  /** Evaluations forward and backward, of the middle round. */
  evaluations(engine: Engine, threads: number, workload: string): number | undefined {
    return this.#evaluations(engine, threads, workload, 1);
  }

  /**
   * The same in forward evaluations: one backward does the work of three, since beside the dynamics it computes their products
   * with the adjoint by state and by parameters.
   */
  work(engine: Engine, threads: number, workload: string): number | undefined {
    return this.#evaluations(engine, threads, workload, 3);
  }

  #evaluations(
    engine: Engine,
    threads: number,
    workload: string,
    backward: number,
  ): number | undefined {
    const totals = this.of(engine, threads, workload).map(
      (line) => Number(line["nfe_fwd"]) + backward * Number(line["nfe_bwd"]),
    );
    return totals.length === 0 ? undefined : median(totals);
  }
}

function least(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : Math.min(...values);
}
