// A table of numbers -> CSV text (RFC 4180 quoting, LF line ends).

const quoted = (name: string): string =>
  /[",;\t\r\n]|^\s|\s$/.test(name) ? `"${name.replaceAll('"', '""')}"` : name;

/**
 * @param names one per column
 * @param columns of equal length; NaN is written as an empty cell
 */
export function toCsv(names: readonly string[], columns: readonly ArrayLike<number>[]): string {
  const lines = [names.map(quoted).join(",")];
  for (let row = 0; row < (columns[0]?.length ?? 0); row++) {
    lines.push(columns.map((c) => (Number.isNaN(c[row]!) ? "" : String(c[row]))).join(","));
  }
  return `${lines.join("\n")}\n`;
}
