// Progress of a training run: a bar on a terminal, a plain line now and then elsewhere, nothing when quiet.
import { startBar } from "./bar.ts";

/** Where a run stands. */
export interface Standing {
  readonly iteration: number;
  readonly loss: number;
  /** Latest loss on the held-out tail; absent until it was measured. */
  readonly validation?: number | undefined;
  /** Evaluations of the dynamics so far. */
  readonly evaluations: number;
}

/** Shows how a run gets on. */
export interface Progress {
  readonly update: (standing: Standing) => void;
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

function describe(s: Standing, rate: number): string {
  const validation = s.validation === undefined ? "" : ` | validation ${short(s.validation)}`;
  const loss = `loss ${short(s.loss)}${validation}`;
  return `${loss} | ${count(s.evaluations)} evaluations | ${count(Math.round(rate))} it/s`;
}

/** Starts showing progress. */
export function startProgress(options: ProgressOptions): Progress {
  const {
    title,
    total,
    quiet,
    from = 0,
    stream = process.stderr,
    now = () => performance.now(),
  } = options;
  if (quiet) return { update: () => {}, stop: () => {} };
  const began = now();
  const rate = (iteration: number): number =>
    (1000 * (iteration - from)) / Math.max(1, now() - began);

  if (stream.isTTY) {
    const bar = startBar(
      stream,
      `${title} {bar} {value}/{total} | {text}`,
      total,
      from,
      "compiling",
    );
    return {
      update: (s) => bar.update(s.iteration, { text: describe(s, rate(s.iteration)) }),
      stop: () => bar.stop(),
    };
  }

  const every = Math.max(1, Math.ceil(total / 10));
  let printed = from;
  return {
    update: (s) => {
      if (s.iteration < total && s.iteration - printed < every) return;
      if (s.iteration === printed) return;
      printed = s.iteration;
      stream.write(`${title} ${s.iteration}/${total} | ${describe(s, rate(s.iteration))}\n`);
    },
    stop: () => {},
  };
}
