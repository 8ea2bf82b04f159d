/** @file A bar for each epoch of a training. */
import { SingleBar } from "cli-progress";
import type { BatchProgress } from "adjoint/optim";

/** What shows how far an epoch is. */
export interface EpochBar {
  update(progress: BatchProgress): void;
  /** Takes the bar away. */
  stop(): void;
}

/** A bar an epoch on standard error where `shown`, nothing elsewhere. `samples` is what the training goes through: "digits". */
export function epochBar(samples: string, shown: boolean): EpochBar {
  if (!shown) return { update: () => undefined, stop: () => undefined };
  const format = `epoch {epoch} {bar} {value}/{total} | loss {loss} | {rate} ${samples}/s | {left} s left`;
  const bar = new SingleBar({ format, clearOnComplete: true, hideCursor: true, barsize: 16 });
  let running = false;
  return {
    update({ epoch, batch, batches, meanLoss, samplesPerSecond, secondsLeft }) {
      const text = {
        epoch,
        loss: meanLoss.toFixed(4),
        rate: samplesPerSecond.toFixed(0),
        left: secondsLeft.toFixed(0),
      };
      if (!running) bar.start(batches, batch, text);
      else bar.update(batch, text);
      running = true;
    },
    stop() {
      if (running) bar.stop();
      running = false;
    },
  };
}
