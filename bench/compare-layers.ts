// Workload G against onnxruntime-web: layer by layer, on 1 and on 2 threads, as markdown tables; then the layers in which
// Adjoint is behind. Both sides are timed twice: the call as a user makes it, from typed arrays of JavaScript to such arrays,
// and less copy_ms, the call of a program with the same inputs and outputs that computes nothing. Both are tenth percentiles
// of calls made in turns: results of several megabytes are fresh arrays, and how long their pages take is the allocator's luck.

import { fileURLToPath } from "node:url";
import { circumstances } from "./compare.ts";
import { type Command, ownCommand } from "./engines.ts";
import { type Line, formatTime } from "./report.ts";
import { linesOf } from "./results.ts";
import { digits, head, row } from "./tables.ts";

export interface LayerComparison {
  /** Folder with a node_modules that has onnxruntime-web. */
  readonly packages: string;
  readonly rounds: number;
  /** A part of the names of the layers that count. */
  readonly only: string;
  /** The only number of threads; 1 and 2 unless given. */
  readonly threads: number | undefined;
}

/** Milliseconds of a call, and of one that computes nothing. */
interface Time {
  readonly call: number;
  readonly copy: number;
}
type Times = Map<string, Time>;
type Side = "adjoint" | "onnxruntime-web";

function command(side: Side, threads: number, { packages, only }: LayerComparison): Command {
  if (side === "adjoint") return ownCommand("G", threads, "--only", only);
  const script = fileURLToPath(new URL("./peers/ort_layers.mjs", import.meta.url));
  const modules = `${packages}/node_modules`;
  const argv = [process.execPath, script, modules, String(threads), "--only", only];
  return { ...ownCommand("G", threads), argv };
}

/** The fastest of the rounds, each quantity for itself. */
function keep(times: Times, { workload, p10_ms, copy_ms }: Line): void {
  const known = times.get(workload) ?? { call: Infinity, copy: Infinity };
  times.set(workload, {
    call: Math.min(known.call, p10_ms),
    copy: Math.min(known.copy, Number(copy_ms)),
  });
}

/** The share of a call that computes. */
const workOf = ({ call, copy }: Time): number => call - copy;

/** Where a call is all but copies, what is left after subtracting them is noise. */
const tells = (time: Time): boolean => workOf(time) > 0.1 * time.call;

interface Layer {
  readonly name: string;
  readonly ours: Time;
  readonly theirs: Time;
  readonly gradient: Time | undefined;
}

function table(layers: readonly Layer[]): string {
  const columns = ["call", "ORT", "ratio", "work", "ORT", "ratio", "gradient"];
  const time = (t: Time): string => (tells(t) ? formatTime(workOf(t)) : "-");
  const rows = layers.map(({ name, ours, theirs, gradient }) =>
    row([
      name,
      formatTime(ours.call),
      formatTime(theirs.call),
      `${digits(theirs.call / ours.call)}x`,
      time(ours),
      time(theirs),
      tells(ours) && tells(theirs) ? `${digits(workOf(theirs) / workOf(ours))}x` : "-",
      gradient === undefined ? "-" : formatTime(gradient.call),
    ]),
  );
  return [head(["layer", ...columns]), ...rows].join("\n");
}

/** Names of the layers whose ratio is below 1, the worst first. */
function behind(layers: readonly Layer[], ratio: (layer: Layer) => number | undefined): string {
  const slower = layers
    .map((layer) => ({ name: layer.name, ratio: ratio(layer) ?? 1 }))
    .filter((layer) => layer.ratio < 1)
    .sort((a, b) => a.ratio - b.ratio);
  return slower.map((one) => `${one.name} (${digits(one.ratio)}x)`).join(", ") || "none";
}

function layersOf(ours: Times, theirs: Times): Layer[] {
  return [...theirs].flatMap(([workload, time]) => {
    const own = ours.get(workload);
    const name = workload.slice("G.".length, -".forward".length);
    return own === undefined
      ? []
      : [{ name, ours: own, theirs: time, gradient: ours.get(`G.${name}.gradient`) }];
  });
}

/** Runs both sides `rounds` times, interleaved, and prints the tables. */
export function compareLayers(comparison: LayerComparison): void {
  const { rounds, threads } = comparison;
  const counts = threads === undefined ? [1, 2] : [threads];
  const sides: readonly Side[] = ["adjoint", "onnxruntime-web"];
  const all = new Map(counts.map((count) => [count, sides.map((): Times => new Map())]));
  const names = new Set<string>();
  for (let round = 1; round <= rounds; round++)
    for (const count of counts)
      sides.forEach((side, index) => {
        console.error(`bench: round ${round} of ${rounds}: G on ${count}: ${side}`);
        for (const line of linesOf(side, command(side, count, comparison)) ?? []) {
          names.add(line.engine);
          keep(all.get(count)![index]!, line);
        }
      });
  console.log(circumstances([...names], rounds));
  for (const [count, [ours, theirs]] of all) {
    const layers = layersOf(ours!, theirs!);
    const work = ({ ours: own, theirs: other }: Layer): number | undefined =>
      tells(own) && tells(other) ? workOf(other) / workOf(own) : undefined;
    console.log(`\nThreads: ${count}\n\n${table(layers)}\n`);
    console.log(`Behind in calls: ${behind(layers, (l) => l.theirs.call / l.ours.call)}\n`);
    console.log(`Behind in work: ${behind(layers, work)}`);
  }
}
