/**
 * @file Progress on standard error: a bar on a terminal, plain lines elsewhere, nothing when quiet. Of counted work, of training
 * runs, and of downloads and other work counted in bytes.
 */
import type { FitProgress } from "../series/index.ts";
import { SingleBar } from "cli-progress";

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

/** Shows the progress of work. */
export interface Counter {
  /** How much is done by now, and what to say of it. */
  readonly update: (done: number, text: string) => void;
  /** Takes the bar away, so that other lines can be printed. */
  readonly stop: () => void;
}

export interface CounterOptions {
  readonly title: string;
  readonly total: number;
  readonly quiet: boolean;
  /** What was done before, when work continues. */
  readonly from?: number;
  /** What the bar says at first. */
  readonly text?: string;
  /** Where it is shown. Default: stderr, so that stdout stays for results. */
  readonly stream?: NodeJS.WriteStream;
}

const silent: Counter = { update: () => {}, stop: () => {} };

/** Starts counting. */
export function startCounter(options: CounterOptions): Counter {
  const { title, total, quiet, from = 0, text = "" } = options;
  const { stream = process.stderr } = options;
  if (quiet) return silent;

  if (stream.isTTY) {
    const format = `${title} {bar} {value}/{total} | {text}`;
    const bar = startBar(stream, format, total, from, text);
    return {
      update: (done, said) => bar.update(done, { text: said }),
      stop: () => bar.stop(),
    };
  }

  const every = Math.max(1, Math.ceil(total / 10));
  let printed = from;
  return {
    update: (done, said) => {
      if ((done < total && done - printed < every) || done === printed) return;
      printed = done;
      stream.write(`${title} ${done}/${total} | ${said}\n`);
    },
    stop: () => {},
  };
}

/** Starts a bar; `format` as cli-progress reads it, with a `{text}`. It goes away when it is stopped. */
export function startBar(
  stream: NodeJS.WriteStream,
  format: string,
  total: number,
  from: number,
  text: string,
): SingleBar {
  const bar = new SingleBar({
    stream,
    hideCursor: true,
    clearOnComplete: true,
    barsize: 16,
    fps: 12,
    format,
    barCompleteChar: "█",
    barIncompleteChar: "░",
  });
  bar.start(total, from, { text });
  return bar;
}

/** How far the work on a file is. */
export interface Transferred {
  readonly stage: string;
  readonly file: string;
  readonly done: number;
  readonly total: number | undefined;
}

/** Shows how transfers get on. */
export interface TransferProgress {
  readonly update: (now: Transferred) => void;
  /** Takes the bar away, so that other lines can be printed. */
  readonly stop: () => void;
}

/** Reading takes a second or two at most: it is worth a bar for files of this size, and no lines. */
const worthTelling = 1 << 26;

/** 574,710,816 as 574.7 MB, 35,363 as 35.4 kB. */
export function sizeText(bytes: number): string {
  return bytes < 1e5 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Starts showing progress. */
export function transferProgress(
  quiet: boolean,
  stream: NodeJS.WriteStream = process.stderr,
): TransferProgress {
  if (quiet) return { update: () => {}, stop: () => {} };
  let bar: SingleBar | undefined;
  let shown = "";
  let tenths = 0;
  const stop = (): void => {
    bar?.stop();
    bar = undefined;
  };
  const update = ({ stage, file, done, total }: Transferred): void => {
    if (stage !== "download" && (total ?? 0) < worthTelling) return;
    const title = `${stage} ${file}`;
    if (title !== shown) {
      stop();
      shown = title;
      tenths = 0;
      if (stream.isTTY) bar = startBar(stream, `${title} {bar} {text}`, total ?? done, done, "");
    }
    if (bar !== undefined) {
      if (total !== undefined) bar.setTotal(total);
      bar.update(done, {
        text: `${sizeText(done)}${total === undefined ? "" : ` of ${sizeText(total)}`}`,
      });
    } else if (total !== undefined && !stream.isTTY && stage === "download") {
      const now = Math.floor((10 * done) / Math.max(1, total));
      if (now > tenths) stream.write(`${title} ${sizeText(done)} of ${sizeText(total)}\n`);
      tenths = Math.max(tenths, now);
    }
    if (done === total) stop();
  };
  return { update, stop };
}
