// Two versions of Adjoint side by side: this one and a built checkout of another, each with its own benchmark, as separate
// processes that take turns. What counts is the ratio of the two times of one round: what a machine does besides changes from
// minute to minute, and meets both. Processes of one version differ among themselves (where the engine puts code, where memory
// lies), hence several rounds, and an interval instead of a number.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { quantile } from "./measure.ts";
import { type Line, formatTime } from "./report.ts";
import { linesOf } from "./results.ts";
import { head, row } from "./tables.ts";

export interface Against {
  /** Folder of the other version: its sources, its dist and its node_modules. */
  readonly other: string;
  /** Letters. */
  readonly workloads: readonly string[];
  readonly rounds: number;
  /** The number of threads; unless given 2 for networks of images, 1 for the rest. */
  readonly threads: number | undefined;
  /** A part of the names of the layers and networks of workloads G and H. */
  readonly only: string;
  /** Only some layers and networks of G and H, and what takes long in every other round. */
  readonly quick: boolean;
}

/** A ratio whose interval lies wholly above is called slower. */
const tolerated = 1.03;

/** Workloads of images, which are measured on two threads unless asked otherwise. */
const images = "CFHI";

/** Workloads that take more than ten seconds. */
const long = "CFGHI";

/** What `quick` takes of G and H: each kind of kernel once. */
const few: Readonly<Record<string, readonly string[]>> = {
  G: ["conv3x3_28", "conv1x1_14", "depthwise3x3_14", "maxpool2", "batchnorm", "dense", "softmax"],
  H: ["mobilenetV2"],
};

/** Student's t of 95 % by degrees of freedom, from 1 on. */
const student = [12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201];

/** A mean ratio with its 95 % interval. */
interface Ratio {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** Ratios are averaged as logarithms: twice as slow and twice as fast cancel. */
export function ratioOf(ratios: readonly number[]): Ratio {
  const logs = ratios.map(Math.log);
  const mean = logs.reduce((a, b) => a + b, 0) / logs.length;
  const variance = logs.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (logs.length - 1);
  const half = (student[logs.length - 2] ?? 1.98) * Math.sqrt(variance / logs.length);
  const [low, high] = logs.length < 2 ? [0, Infinity] : [mean - half, mean + half].map(Math.exp);
  return { mean: Math.exp(mean), low: low!, high: high! };
}

type Times = ReadonlyMap<string, number>;

/** Milliseconds of CPU that a fresh process spends until an entrance is imported. */
function importTimes(folder: string): Times {
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    readonly exports: Readonly<Record<string, unknown>>;
  };
  const entrances = Object.keys(manifest.exports).filter((name) => !name.endsWith(".json"));
  const code = (name: string): string =>
    `await import(${JSON.stringify(name)}); const { user, system } = process.cpuUsage(); console.log((user + system) / 1e3);`;
  return new Map(
    entrances.map((entrance) => {
      const name = entrance.replace(/^\./, "adjoint");
      const times = Array.from({ length: 7 }, () => {
        const args = ["--input-type=module", "-e", code(name)];
        const { status, stdout, stderr } = spawnSync(process.execPath, args, {
          cwd: folder,
          encoding: "utf8",
        });
        if (status !== 0) throw new Error(`bench: ${folder}: importing ${name} failed:\n${stderr}`);
        return Number(stdout);
      });
      return [`import ${name}`, quantile(times, 2)] as const;
    }),
  );
}

/** Medians of a workload, by name, as the version in a folder measures them. */
function timesOf(folder: string, workload: string, settings: Against): Times {
  const { threads, only, quick } = settings;
  const count = String(threads ?? (images.includes(workload) ? 2 : 1));
  const main = [process.execPath, ...process.execArgv, join(folder, "bench/main.ts")];
  const parts = quick && only === "" ? (few[workload] ?? [""]) : [only];
  const lines = parts.flatMap((part): Line[] => {
    const argv = [...main, workload, "--json", "--threads", count, "--only", part];
    return linesOf("adjoint", { argv, cwd: folder, threads: Number(count), workloads: workload })!;
  });
  const pairs = lines.flatMap((line): [string, number][] => {
    const first = Number(line["first_call_ms"]);
    const own: [string, number] = [line.workload, line.median_ms];
    return Number.isFinite(first) ? [own, [`${line.workload} first call`, first]] : [own];
  });
  return new Map(pairs);
}

/** Runs both versions in turns and prints a table of ratios, new by old; names what is slower. */
export function compareAgainst(settings: Against): void {
  const { other, workloads, rounds } = settings;
  const own = fileURLToPath(new URL("..", import.meta.url));
  const measures: readonly [string, (folder: string) => Times][] = [
    ["imports", importTimes],
    ...workloads.map((name): [string, (folder: string) => Times] => [
      name,
      (folder) => timesOf(folder, name, settings),
    ]),
  ];
  const pairs = new Map<string, { now: number[]; before: number[] }>();
  const started = performance.now();
  for (let round = 1; round <= rounds; round++) {
    for (const [name, measure] of measures) {
      if (settings.quick && long.includes(name) && round % 2 === 0) continue;
      const elapsed = formatTime(performance.now() - started);
      console.error(`bench: round ${round} of ${rounds}: ${name} (${elapsed} so far)`);
      // Who comes first changes: the second may find a warmer machine.
      const folders = round % 2 === 1 ? [own, other] : [other, own];
      const found = folders.map(measure);
      const [now, before] = round % 2 === 1 ? found : found.toReversed();
      for (const [workload, time] of now!) {
        const earlier = before!.get(workload);
        if (earlier === undefined) continue;
        const known = pairs.get(workload) ?? { now: [], before: [] };
        pairs.set(workload, known);
        known.now.push(time);
        known.before.push(earlier);
      }
    }
  }
  const machine = `${cpus()[0]?.model.trim()}, ${cpus().length} cores`;
  console.log(
    `This version against ${other}; Node ${process.version}; ${machine}; ${rounds} rounds.\n`,
  );
  console.log(head(["measurement", "this", "other", "ratio", "95 % interval", ""]));
  const slower: string[] = [];
  for (const [name, { now, before }] of pairs) {
    const { mean, low, high } = ratioOf(now.map((time, index) => time / before[index]!));
    const isSlower = low > tolerated;
    if (isSlower) slower.push(name);
    const interval = `${low.toFixed(3)} to ${high.toFixed(3)}`;
    const [ours, theirs] = [now, before].map((times) => formatTime(quantile(times, 5)));
    console.log(row([name, ours!, theirs!, mean.toFixed(3), interval, isSlower ? "slower" : ""]));
  }
  console.log(`\nSlower (the whole interval above ${tolerated}): ${slower.join(", ") || "none"}`);
}
