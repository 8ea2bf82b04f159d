// A table -> a time series: strictly increasing times and columns of numbers, missing ones as NaN.
import { UsageError, WorkError } from "../errors.ts";
import type { Table } from "./table.ts";

/** Observations of several columns at increasing times. */
export interface Series {
  readonly timeName: string;
  readonly names: readonly string[];
  /** [rows], strictly increasing. */
  readonly times: Float64Array;
  /** [rows, columns], row-major; NaN where nothing was observed. */
  readonly values: Float64Array;
}

export interface SeriesOptions {
  /** Column of times. Default: the first one. */
  readonly time?: string | undefined;
  /** Columns to read. Default: all others. */
  readonly columns?: readonly string[] | undefined;
  /** Put rows in order of time instead of refusing disorder. */
  readonly sort?: boolean;
}

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const missing = /^(|na|n\/a|nan|null|none|\?)$/i;

function column(table: Table, name: string, option: string): number {
  const found = table.names.indexOf(name);
  if (found >= 0) return found;
  const have = table.names.map((n) => `"${n}"`).join(", ");
  throw new UsageError(`${option}: ${table.source} has no column "${name}"; it has ${have}`);
}

/** A cell's number, NaN where it is missing. */
function numeric(table: Table, row: number, index: number): number {
  const { line, cells } = table.rows[row]!;
  const cell = cells[index]!;
  if (missing.test(cell)) return Number.NaN;
  const value = decimal.test(cell) ? Number(cell) : Number.NaN;
  if (Number.isFinite(value)) return value;
  const where = `${table.source}, line ${line}, column "${table.names[index]}"`;
  const shown = cell.length > 40 ? `${cell.slice(0, 40)}...` : cell;
  const hint = /^[+-]?\d+,\d+$/.test(cell) ? "; write decimals with a point" : "";
  throw new WorkError(`${where}: expected a number, got "${shown}"${hint}`);
}

/** Row numbers in order of time. */
function order(table: Table, times: readonly number[], timeName: string, sort: boolean): number[] {
  const rows = times.map((_, i) => i);
  if (sort) rows.sort((a, b) => times[a]! - times[b]!);
  for (let i = 1; i < rows.length; i++) {
    const [before, here] = [rows[i - 1]!, rows[i]!];
    if (times[here]! > times[before]!) continue;
    const [lineBefore, line] = [table.rows[before]!.line, table.rows[here]!.line];
    const where = `${table.source}, line ${line}, column "${timeName}"`;
    if (times[here] === times[before]) {
      throw new WorkError(`${where}: time ${times[here]} again, as on line ${lineBefore}`);
    }
    throw new WorkError(
      `${where}: time ${times[here]} comes after ${times[before]} on line ${lineBefore}; ` +
        "times must increase (--sort puts the rows in order)",
    );
  }
  return rows;
}

/**
 * Picks the columns and checks every cell.
 * @throws UsageError for columns the table does not have
 * @throws WorkError for cells that are no numbers, times that are missing, repeated or out of order
 */
export function readSeries(table: Table, options: SeriesOptions = {}): Series {
  const timeName = options.time ?? table.names[0]!;
  const timeIndex = column(table, timeName, "--time");
  const names = options.columns ?? table.names.filter((name) => name !== timeName);
  if (names.length === 0) {
    throw new WorkError(
      `${table.source}: expected a column beside the times, got only "${timeName}"`,
    );
  }
  if (names.includes(timeName)) {
    throw new UsageError(`--columns: "${timeName}" is the column of times`);
  }
  const indices = names.map((name) => column(table, name, "--columns"));

  const rawTimes = table.rows.map(({ line }, row) => {
    const time = numeric(table, row, timeIndex);
    if (!Number.isNaN(time)) return time;
    throw new WorkError(`${table.source}, line ${line}, column "${timeName}": the time is missing`);
  });
  const rows = order(table, rawTimes, timeName, options.sort ?? false);
  const values = rows.flatMap((row) => indices.map((index) => numeric(table, row, index)));
  return {
    timeName,
    names,
    times: Float64Array.from(rows, (row) => rawTimes[row]!),
    values: Float64Array.from(values),
  };
}

/**
 * Drops rows without a single observation and checks that enough is left to learn from.
 * @throws WorkError when fewer than `least` rows, or fewer than three observations of a column, are left
 */
export function requireEnough(series: Series, source: string, least: number): Series {
  const width = series.names.length;
  const rows = [...series.times.keys()].filter((row) =>
    series.values.subarray(row * width, (row + 1) * width).some((v) => !Number.isNaN(v)),
  );
  if (rows.length < least) {
    throw new WorkError(
      `${source}: expected at least ${least} rows with values, got ${rows.length}`,
    );
  }
  series.names.forEach((name, c) => {
    const seen = rows.filter((row) => !Number.isNaN(series.values[row * width + c]!)).length;
    if (seen < 3) {
      throw new WorkError(`${source}, column "${name}": expected at least 3 values, got ${seen}`);
    }
  });
  return {
    ...series,
    times: Float64Array.from(rows, (row) => series.times[row]!),
    values: Float64Array.from(
      rows.flatMap((row) => [...series.values.subarray(row * width, (row + 1) * width)]),
    ),
  };
}
