/** @file Networks that come in several widths: the check of their factor. */
import { ArgumentError, complaint, describe } from "../../ir/errors.ts";
import type { WidthOptions } from "./architecture.ts";

/** Throws ArgumentError unless alpha leaves every layer a filter. */
export function checkAlpha(who: string, { alpha = 1 }: WidthOptions, least: number): void {
  if (!(Number.isFinite(alpha) && alpha >= least))
    throw new ArgumentError(
      complaint(`${who}: alpha`, `a number of at least ${least}`, describe(alpha)),
    );
}

/** The multiple of `divisor` next to a number, but not less than nine tenths of it. */
export function nearMultiple(value: number, divisor: number): number {
  const near = Math.max(divisor, Math.floor((value + divisor / 2) / divisor) * divisor);
  return near < 0.9 * value ? near + divisor : near;
}
