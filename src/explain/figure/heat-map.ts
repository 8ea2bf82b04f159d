/** @file Maps as figures take them: numbers row by row. */
import { ArgumentError, complaint, describe } from "../../base/errors.ts";

/** A map of any method: an `Explanation` is one. */
export interface HeatMap {
  /** Row by row, any finite numbers. */
  readonly values: ArrayLike<number>;
  /** [height, width]. */
  readonly shape: readonly number[];
  /** Nothing was positive before negative values became zero, which figures say instead of showing nothing. */
  readonly allNonPositive?: boolean;
}

/** Whether a map has nothing to show: nothing was positive, and negative values were not kept. */
export function isBlank(map: HeatMap): boolean {
  return map.allNonPositive === true && rangeOf([map])[0] >= 0;
}

/** The least and greatest value that colours run between. */
export type Range = readonly [low: number, high: number];

/** Throws ArgumentError naming `who` unless the map has rows and columns, a number for each, and all are finite. */
export function checkMap(who: string, map: HeatMap): void {
  const { values, shape } = (map ?? {}) as Partial<HeatMap>;
  const fits =
    Array.isArray(shape) &&
    shape.length === 2 &&
    shape.every((size) => Number.isSafeInteger(size) && size > 0) &&
    values?.length === shape[0]! * shape[1]!;
  if (!fits)
    throw new ArgumentError(
      complaint(
        who,
        "a map with values and a shape [height, width] of as many",
        values === undefined ? describe(map) : `${values.length} values, shape [${String(shape)}]`,
      ),
    );
  for (let i = 0; i < values!.length; i++)
    if (!Number.isFinite(values![i]))
      throw new ArgumentError(
        complaint(
          who,
          "finite values",
          `${values![i]} in row ${Math.floor(i / shape[1]!)}, column ${i % shape[1]!}`,
        ),
      );
}

/** The range of some maps together, of none [0, 0]; around zero where `symmetric`. */
export function rangeOf(maps: readonly HeatMap[], symmetric = false): Range {
  let [low, high] = [Infinity, -Infinity];
  for (const { values } of maps)
    for (let i = 0; i < values.length; i++) {
      low = Math.min(low, values[i]!);
      high = Math.max(high, values[i]!);
    }
  if (low > high) return [0, 0];
  if (!symmetric) return [low, high];
  const most = Math.max(Math.abs(low), Math.abs(high));
  return [-most, most];
}
