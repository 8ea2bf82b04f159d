/** @file Networks that come in several widths: their factor, and which of them have published weights. */
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import type { Shape } from "../../ir/shape.ts";
import type { WidthOptions } from "./definition.ts";

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

/** What published files call a width. Throws ArgumentError listing the widths that have any. */
export function publishedVersion(
  who: string,
  alpha: number,
  versions: ReadonlyMap<number, string>,
): string {
  const version = versions.get(alpha);
  if (version !== undefined) return version;
  throw new ArgumentError(
    complaint(
      `${who}: alpha`,
      `one with published weights (${[...versions.keys()].join(", ")})`,
      describe(alpha),
    ),
  );
}

/** The rows and columns of images that published weights were trained for: those of the network if there are any, or 224. */
export function publishedSize(inputShape: Shape | undefined, sizes: readonly number[]): number {
  const [rows, columns] = inputShape ?? [];
  return rows !== undefined && rows === columns && sizes.includes(rows) ? rows : 224;
}
