// Counted work: a bar on a terminal, a plain line now and then elsewhere, nothing when quiet.
import { startBar } from "./bar.ts";

/** Shows how far work is. */
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
