/** @file Early stopping: an end to training that no longer helps. */
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import { checkOptions } from "../../base/options.ts";
import { checkWhole } from "../data/batches.ts";

/** When training ends before its last epoch. */
export interface EarlyStopping {
  /** The name of a metric of the validation data, or "loss" for the training loss where no metric is called so. */
  readonly monitor: string;
  /** Whether small values are good ("min") or large ones: "min" for "loss", to be given otherwise. */
  readonly mode?: "min" | "max";
  /** Epochs without improvement that are put up with: 0 unless given. */
  readonly patience?: number;
  /** A change that does not exceed this is none: 0 unless given. */
  readonly minDelta?: number;
  /** Whether a training that is not aborted ends with its state after the best epoch rather than the last: false unless given. */
  readonly restoreBest?: boolean;
}

/** The best epoch so far. */
export type Best = { readonly epoch: number; readonly value: number };

/** Throws ArgumentError for options that make no sense. */
export function checkEarlyStopping(who: string, options: EarlyStopping): void {
  checkOptions(who, options, ["monitor", "mode", "patience", "minDelta", "restoreBest"]);
  const { monitor, mode, patience = 0, minDelta = 0 } = options;
  if (typeof monitor !== "string")
    throw new ArgumentError(complaint(`${who}: monitor`, "a metric's name", describe(monitor)));
  if (mode !== "min" && mode !== "max" && !(mode === undefined && monitor === "loss"))
    throw new ArgumentError(
      complaint(
        `${who}: mode`,
        '"min" or "max"',
        describe(mode),
        `Is a small or a large ${monitor} good?`,
      ),
    );
  checkWhole(`${who}: patience`, patience, 0);
  if (!(typeof minDelta === "number" && minDelta >= 0))
    throw new ArgumentError(
      complaint(`${who}: minDelta`, "a number of at least 0", describe(minDelta)),
    );
}

/** Whether a value is better than the best so far; NaN never is. */
export function improves(options: EarlyStopping, value: number, best: Best | undefined): boolean {
  if (Number.isNaN(value)) return false;
  if (best === undefined) return true;
  const { mode = "min", minDelta = 0 } = options;
  return mode === "min" ? value < best.value - minDelta : value > best.value + minDelta;
}
