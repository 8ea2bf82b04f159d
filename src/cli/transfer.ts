// Progress of work that is counted in bytes: a bar on a terminal, elsewhere a plain line for every tenth of a download, nothing when quiet.
import type { SingleBar } from "cli-progress";
import { startBar } from "./bar.ts";

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
