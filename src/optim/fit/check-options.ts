/** @file The options of `fit`, checked before anything is computed. */
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import { checkOptions } from "../../base/options.ts";
import { checkWhole } from "../data/batches.ts";
import { checkEarlyStopping } from "./early-stopping.ts";
import type { FitOptions } from "./options.ts";

/** Names of the options. */
export const fitOptionNames: readonly string[] = [
  "epochs",
  "batchSize",
  "shuffle",
  "dropLast",
  "augment",
  "validation",
  "metrics",
  "validationBatchSize",
  "output",
  "target",
  "onBatch",
  "onEpoch",
  "earlyStopping",
  "signal",
  "checkpoint",
];

/** Throws ArgumentError for values that make no sense. */
export function checkFitOptions<M, B>(options: FitOptions<M, B>): void {
  const { checkpoint, earlyStopping, metrics = {}, signal } = options;
  checkWhole("fit: epochs", options.epochs ?? 1, 0);
  checkWhole("fit: batchSize", options.batchSize ?? 32, 1);
  if (checkpoint !== undefined) {
    checkOptions("fit: checkpoint", checkpoint, ["path", "every", "resume"]);
    checkWhole("fit: checkpoint.every", checkpoint.every ?? 1, 1);
  }
  if (earlyStopping !== undefined) {
    checkEarlyStopping("fit: earlyStopping", earlyStopping);
    checkMonitor(earlyStopping.monitor, options.validation === undefined ? {} : metrics);
  }
  for (const name of ["augment", "onBatch", "onEpoch"] as const)
    if (options[name] !== undefined && typeof options[name] !== "function")
      throw new ArgumentError(complaint(`fit: ${name}`, "a function", describe(options[name])));
  if (signal !== undefined && typeof (signal as Partial<AbortSignal> | null)?.aborted !== "boolean")
    throw new ArgumentError(
      complaint(
        "fit: signal",
        "an AbortSignal",
        describe(signal),
        "Of an AbortController give its .signal.",
      ),
    );
}

/** Throws ArgumentError unless early stopping looks at something that there will be: before the first epoch rather than after. */
function checkMonitor(name: string, metrics: object): void {
  const names = [...new Set(["loss", ...Object.keys(metrics)])];
  if (!names.includes(name))
    throw new ArgumentError(
      complaint(
        "fit: earlyStopping.monitor",
        `one of ${names.join(", ")}`,
        describe(name),
        "Metrics are computed of validation data.",
      ),
    );
}
