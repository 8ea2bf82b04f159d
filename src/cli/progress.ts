// Progress of a training run: how far it is, its loss, its speed.
import type { FitProgress } from "../series/index.ts";
import { startCounter } from "./counter.ts";

/** Shows how a run gets on. */
export interface Progress {
  readonly update: (standing: FitProgress) => void;
  /** Takes the bar away, so that other lines can be printed. */
  readonly stop: () => void;
}

export interface ProgressOptions {
  readonly title: string;
  readonly total: number;
  readonly quiet: boolean;
  /** First iteration, when a run continues. */
  readonly from?: number;
  /** Where it is shown. Default: stderr, so that stdout stays for results. */
  readonly stream?: NodeJS.WriteStream;
  /** Milliseconds, for tests. Default: the process's clock. */
  readonly now?: () => number;
}

const short = (x: number): string => (Number.isFinite(x) ? x.toPrecision(3) : String(x));

/** 1234567 -> "1.23M": short enough for a bar. */
function count(n: number): string {
  if (n < 10_000) return String(n);
  return n < 1e6 ? `${(n / 1e3).toFixed(1)}k` : `${(n / 1e6).toFixed(2)}M`;
}

function describe(s: FitProgress, rate: number): string {
  const validation = s.validation === undefined ? "" : ` | validation ${short(s.validation)}`;
  const loss = `loss ${short(s.loss)}${validation}`;
  return `${loss} | ${count(s.evaluations)} evaluations | ${count(Math.round(rate))} it/s`;
}

/** Starts showing progress. */
export function startProgress(options: ProgressOptions): Progress {
  const { from = 0, now = () => performance.now(), ...shown } = options;
  const began = now();
  const bar = startCounter({ ...shown, from, text: "compiling" });
  return {
    update: (standing) => {
      const { iteration } = standing;
      const rate = (1000 * (iteration - from)) / Math.max(1, now() - began);
      bar.update(iteration, describe(standing, rate));
    },
    stop: bar.stop,
  };
}
