/** @file CSV: text to a table that remembers the line of each row, and columns of numbers to text (RFC 4180 quoting, LF line ends). */
import { CsvError, parse } from "csv-parse/sync";
import type { Table, TableRow } from "../series/index.ts";
import { WorkError } from "./errors.ts";

/** Longest record read, in characters: a file without line breaks is not a table. */
const longestRecord = 2 ** 20;

const separators = [",", ";", "\t"] as const;

/** The separator that the first line uses most, outside quotes. */
function separatorOf(text: string): string {
  const end = text.search(/[\r\n]/);
  const header = text.slice(0, end < 0 ? longestRecord : end).replace(/"[^"]*"/g, "");
  const uses = (separator: string): number => header.split(separator).length;
  return separators.reduce((best, next) => (uses(next) > uses(best) ? next : best));
}

function records(text: string, source: string): TableRow[] {
  try {
    const found = parse(text, {
      bom: true,
      delimiter: separatorOf(text),
      info: true,
      max_record_size: longestRecord,
      relax_column_count: true,
      skip_empty_lines: true,
      trim: true,
    }) as unknown as { info: { lines: number }; record: string[] }[];
    return found.map(({ info, record }) => ({ line: info.lines, cells: record }));
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = (error as unknown as { lines?: number }).lines ?? 1;
    const what: Record<string, string> = {
      CSV_QUOTE_NOT_CLOSED: "a double quote is opened and never closed",
      CSV_MAX_RECORD_SIZE: `a row of more than ${longestRecord} characters`,
      INVALID_OPENING_QUOTE: "a double quote inside a cell; put the whole cell in double quotes",
      CSV_INVALID_CLOSING_QUOTE: "text follows a closing double quote",
      CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE: "text follows a closing double quote",
    };
    throw new WorkError(`${source}, line ${line}: ${what[error.code] ?? error.message}`);
  }
}

/**
 * Reads CSV text: a header, then rows. Separated by comma, semicolon or tab (whichever the header uses);
 * quotes, CRLF, a byte order mark and blank lines are understood.
 * Throws WorkError for an empty text, a header with missing or repeated names, or rows of another width.
 */
export function parseTable(text: string, source: string): Table {
  const [header, ...rows] = records(text, source);
  if (!header) throw new WorkError(`${source}: empty; expected a header line and rows of numbers`);
  const names = header.cells;
  names.forEach((name, i) => {
    if (name === "") {
      throw new WorkError(`${source}, line ${header.line}: column ${i + 1} has no name`);
    }
    const first = names.indexOf(name);
    if (first !== i) {
      const where = `columns ${first + 1} and ${i + 1}`;
      throw new WorkError(`${source}, line ${header.line}: ${where} are both named "${name}"`);
    }
  });
  if (names.every((name) => name !== "" && !Number.isNaN(Number(name)))) {
    throw new WorkError(
      `${source}, line ${header.line}: expected a header with column names, got only numbers`,
    );
  }
  for (const { line, cells } of rows) {
    if (cells.length !== names.length) {
      throw new WorkError(
        `${source}, line ${line}: expected ${names.length} cells as in the header, got ${cells.length}`,
      );
    }
  }
  return { source, names, rows };
}

const quoted = (name: string): string =>
  /[",;\t\r\n]|^\s|\s$/.test(name) ? `"${name.replaceAll('"', '""')}"` : name;

/** CSV text from one name per column and columns of equal length. NaN becomes an empty cell. */
export function toCsv(names: readonly string[], columns: readonly ArrayLike<number>[]): string {
  const lines = [names.map(quoted).join(",")];
  for (let row = 0; row < (columns[0]?.length ?? 0); row++) {
    lines.push(columns.map((c) => (Number.isNaN(c[row]!) ? "" : String(c[row]))).join(","));
  }
  return `${lines.join("\n")}\n`;
}
