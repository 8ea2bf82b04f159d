// Prints measurements: JSON lines of the peers' form, or a table for people.

import { threads } from "adjoint";
import type { Measurement } from "./measure.ts";

/** A line as this benchmark and every peer's script print it. */
export interface Line {
  readonly engine: string;
  readonly threads: number;
  readonly workload: string;
  readonly median_ms: number;
  readonly p10_ms: number;
  readonly p90_ms: number;
  readonly n: number;
  readonly [extra: string]: number | string;
}

export function toLine({ extra, ...m }: Measurement): Line {
  return { engine: "adjoint", threads: threads(), ...m, ...extra };
}

/** Milliseconds in a unit that leaves a readable number. */
export function formatTime(ms: number): string {
  if (ms < 0.9995e-3) return `${(ms * 1e6).toPrecision(3)} ns`;
  if (ms < 0.9995) return `${(ms * 1e3).toPrecision(3)} us`;
  if (ms < 999.5) return `${ms.toPrecision(3)} ms`;
  return `${(ms / 1e3).toPrecision(3)} s`;
}

function formatExtra(extra: Readonly<Record<string, number>> = {}): string {
  return Object.entries(extra)
    .map(([name, value]) => `${name} ${Number.isInteger(value) ? value : value.toPrecision(6)}`)
    .join("  ");
}

/** Prints measurements one by one as they come; a table's columns are fixed for that. */
export function printer(json: boolean): (m: Measurement) => void {
  if (json) return (m) => console.log(JSON.stringify(toLine(m)));
  const row = (...cells: readonly string[]): void =>
    console.log(cells.map((c, i) => (i === 0 ? c.padEnd(26) : c.padStart(10))).join(" "));
  row("workload", "median", "p10", "p90");
  return (m) => {
    row(m.workload, formatTime(m.median_ms), formatTime(m.p10_ms), formatTime(m.p90_ms));
    if (m.extra && Object.keys(m.extra).length > 0) console.log(`  ${formatExtra(m.extra)}`);
  };
}
