// The bar on a terminal that all long work shows.
import { SingleBar } from "cli-progress";

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
