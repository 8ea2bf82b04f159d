/** @file Time series: strictly increasing times and columns of numbers, from arrays or from a table of texts. */
import { ArgumentError, complaint } from "../base/errors.ts";
import { schema } from "../base/options.ts";
import { type ColumnOptions, SeriesError, columnsSpec } from "./options.ts";

/** Observations of several columns at increasing times. */
export interface Series {
  readonly timeName: string;
  readonly names: readonly string[];
  /** [rows], strictly increasing. */
  readonly times: Float64Array;
  /** [rows, columns], row-major; NaN where nothing was observed. */
  readonly values: Float64Array;
}

/** A table of texts, as a CSV file has it. */
export interface Table {
  /** Where it came from, as errors say it: a file's name. */
  readonly source: string;
  readonly names: readonly string[];
  readonly rows: readonly TableRow[];
}

/** A row of a table. */
export interface TableRow {
  /** Its line in the source; the header is line 1, as editors and spreadsheets count. */
  readonly line: number;
  /** As many as the table has names. */
  readonly cells: readonly string[];
}

const columnsSchema = schema(columnsSpec);

/**
 * A series from columns of numbers, NaN where nothing was observed: `seriesFrom({ year, hare, lynx }, { time: "year" })`. Throws
 * ArgumentError for options out of range and columns that there are not, SeriesError for columns of different lengths and for times
 * that are missing, repeated or out of order.
 */
export function seriesFrom(
  columns: Readonly<Record<string, ArrayLike<number>>>,
  options: ColumnOptions = {},
): Series {
  const names = Object.keys(columns);
  const lengths = names.map((name) => columns[name]!.length);
  if (names.length === 0 || lengths.some((length) => length !== lengths[0]))
    throw new SeriesError(
      complaint("seriesFrom", "columns of equal length", `lengths ${lengths.join(", ") || "none"}`),
    );
  const rows = Array.from({ length: lengths[0]! }, (_, row) => ({
    line: row + 1,
    cells: names.map((name) => String(columns[name]![row]!)),
  }));
  return readSeries({ source: "seriesFrom", names, rows }, options);
}

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const missing = /^(|na|n\/a|nan|null|none|\?)$/i;

function indexOf(table: Table, name: string, option: string): number {
  const found = table.names.indexOf(name);
  if (found >= 0) return found;
  const have = table.names.map((n) => `"${n}"`).join(", ");
  throw new ArgumentError(`${option}: ${table.source} has no column "${name}"; it has ${have}`);
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
  throw new SeriesError(`${where}: expected a number, got "${shown}"${hint}`);
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
      throw new SeriesError(`${where}: time ${times[here]} again, as on line ${lineBefore}`);
    }
    throw new SeriesError(
      `${where}: time ${times[here]} comes after ${times[before]} on line ${lineBefore}; ` +
        "times must increase (sort puts the rows in order)",
    );
  }
  return rows;
}

/**
 * The series in a table of texts. Throws ArgumentError for options out of range and columns that the table does not have; SeriesError,
 * naming the line, for cells that are not numbers and for times that are missing, repeated or out of order.
 */
export function readSeries(table: Table, options: ColumnOptions = {}): Series {
  const settings = columnsSchema.read("readSeries", options);
  const timeName = settings.time ?? table.names[0]!;
  const timeIndex = indexOf(table, timeName, "time");
  const names = settings.columns ?? table.names.filter((name) => name !== timeName);
  if (names.length === 0) {
    throw new SeriesError(
      `${table.source}: expected a column beside the times, got only "${timeName}"`,
    );
  }
  if (names.includes(timeName)) {
    throw new ArgumentError(`columns: "${timeName}" is the column of times`);
  }
  const indices = names.map((name) => indexOf(table, name, "columns"));

  const rawTimes = table.rows.map(({ line }, row) => {
    const time = numeric(table, row, timeIndex);
    if (!Number.isNaN(time)) return time;
    throw new SeriesError(
      `${table.source}, line ${line}, column "${timeName}": the time is missing`,
    );
  });
  const rows = order(table, rawTimes, timeName, settings.sort);
  const values = rows.flatMap((row) => indices.map((index) => numeric(table, row, index)));
  return {
    timeName,
    names,
    times: Float64Array.from(rows, (row) => rawTimes[row]!),
    values: Float64Array.from(values),
  };
}

/**
 * The series without rows that have no observation. Throws SeriesError where fewer than `least` rows, or fewer than three
 * observations of a column, are left.
 */
export function requireEnough(series: Series, least: number): Series {
  const width = series.names.length;
  const rows = [...series.times.keys()].filter((row) =>
    series.values.subarray(row * width, (row + 1) * width).some((v) => !Number.isNaN(v)),
  );
  if (rows.length < least) {
    throw new SeriesError(`expected at least ${least} rows with values, got ${rows.length}`);
  }
  series.names.forEach((name, c) => {
    const seen = rows.filter((row) => !Number.isNaN(series.values[row * width + c]!)).length;
    if (seen < 3) {
      throw new SeriesError(`column "${name}": expected at least 3 values, got ${seen}`);
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
