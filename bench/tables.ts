// The tables of a comparison, in markdown.

import { type Demand, demands } from "./demands.ts";
import { engines } from "./engines.ts";
import { formatTime } from "./report.ts";
import type { Results } from "./results.ts";

/** Cells -> a line of a table. */
export const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

/** The two lines a table begins with. */
export const head = (names: readonly string[]): string =>
  `${row(names)}\n${row(names.map(() => "---"))}`;

/** A ratio or figure with three digits. */
export const digits = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value.toPrecision(3);

const units: Partial<Record<Demand["of"], string>> = {
  milliseconds: " ms",
  "first call": " ms",
  "peak memory": " MB",
};

/** The figure a demand speaks of, or undefined when either side was not measured. */
function figure({ workload, threads = 1, peer, of }: Demand, results: Results): number | undefined {
  const lines = results.of("adjoint", threads, workload);
  if (lines.length === 0) return undefined;
  const own = results.time("adjoint", threads, workload)!;
  if (peer === "none") {
    if (of === "peak memory") return Math.max(...lines.map((line) => Number(line["peak_mb"])));
    if (of === "first call") return Math.min(...lines.map((line) => Number(line["first_call_ms"])));
    return own;
  }
  const other = results.time(peer, threads, workload);
  if (other === undefined) return undefined;
  if (of === "time") return own / other;
  if (of === "speed") return other / own;
  const quantity = of === "evaluations" ? results.evaluations : results.work;
  const [ours, theirs] = [
    quantity.call(results, "adjoint", threads, workload)!,
    quantity.call(results, peer, threads, workload)!,
  ];
  return of === "evaluations" ? ours / theirs : (other / own) * (ours / theirs);
}

function demandRow(demand: Demand, results: Results): string {
  const { workload, threads = 1, peer, kind, bound, of } = demand;
  const value = figure(demand, results);
  const show = (v: number): string => `${digits(v)}${units[of] ?? "x"}`;
  const met = value !== undefined && (kind === "floor" ? value >= bound : value <= bound);
  return row([
    workload,
    String(threads),
    peer === "none" ? of : `${of} to ${peer}`,
    `${kind === "floor" ? "at least" : "at most"} ${show(bound)}`,
    value === undefined ? "-" : show(value),
    value === undefined ? "not measured" : met ? "yes" : "no",
  ]);
}

/** The demands on what was measured. */
export function demandTable(results: Results): string {
  const measured = demands.filter(
    ({ workload, threads = 1 }) => results.of("adjoint", threads, workload).length > 0,
  );
  return [
    head(["workload", "threads", "what", "asked", "measured", "met"]),
    ...measured.map((demand) => demandRow(demand, results)),
  ].join("\n");
}

/** Times on so many threads; in brackets the peer's by ours. */
export function timeTable(results: Results, threads: number): string {
  const workloads = results.own.filter((one) => one.threads === threads).map((w) => w.workload);
  const others = engines.filter(
    (engine) =>
      engine !== "adjoint" && workloads.some((w) => results.of(engine, threads, w).length > 0),
  );
  const rows = workloads.map((workload) => {
    const own = results.time("adjoint", threads, workload)!;
    const cells = others.map((engine) => {
      const ms = results.time(engine, threads, workload);
      return ms === undefined ? "-" : `${formatTime(ms)} (${digits(ms / own)}x)`;
    });
    return row([workload, formatTime(own), ...cells]);
  });
  return [head(["workload", "adjoint", ...others]), ...rows].join("\n");
}
