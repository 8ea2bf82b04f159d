/** @file Tables of text with box-drawing lines, laid out as Python's rich does it for Keras' summaries: same widths, same breaks. */

/** A column: what stands above it, how it is aligned, and its width with one space at either side. */
export interface Column {
  readonly header: string;
  readonly align: "left" | "right" | "center";
  readonly width: number;
}

/** Rounds halves to even, as Python does. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Takes `total` from the widths in equal parts: each takes its share of what is left. */
export function reduceEvenly(total: number, widths: readonly number[]): number[] {
  let remaining = total;
  return widths.map((width, index) => {
    const part = Math.min(width, roundHalfEven(remaining / (widths.length - index)));
    remaining -= part;
    return width - part;
  });
}

/** Breaks text into lines of at most `width` characters between words; longer words are cut, with an ellipsis. */
export function wrapWords(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const [word] of text.matchAll(/\s*\S+\s*/g)) {
    const length = word.trimEnd().length;
    if (line !== "" && line.length + length > width) {
      lines.push(line);
      line = "";
    }
    line += word;
  }
  lines.push(line);
  return lines.map((one) => {
    const trimmed = one.trimEnd();
    return trimmed.length > width ? `${trimmed.slice(0, width - 1)}…` : trimmed;
  });
}

function alignText(text: string, width: number, align: Column["align"]): string {
  if (align === "left") return text.padEnd(width);
  if (align === "right") return text.padStart(width);
  return text.padStart(text.length + Math.floor((width - text.length) / 2)).padEnd(width);
}

/** The lines of a table with a heavy head and lines between its rows. */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string[] {
  const rule = (left: string, line: string, cross: string, right: string): string =>
    left + columns.map(({ width }) => line.repeat(width)).join(cross) + right;
  const cells = (row: readonly string[], bar: string, isHead: boolean): string[] => {
    const wrapped = columns.map(({ width }, index) => wrapWords(row[index] ?? "", width - 2));
    const height = Math.max(...wrapped.map(({ length }) => length));
    return Array.from({ length: height }, (_, at) => {
      const parts = columns.map(({ width, align }, index) => {
        const lines = wrapped[index]!;
        const shift = isHead ? height - lines.length : 0;
        return ` ${alignText(lines[at - shift] ?? "", width - 2, align)} `;
      });
      return bar + parts.join(bar) + bar;
    });
  };
  const lines = [rule("┏", "━", "┳", "┓")];
  lines.push(
    ...cells(
      columns.map(({ header }) => header),
      "┃",
      true,
    ),
  );
  lines.push(rule("┡", "━", "╇", "┩"));
  for (const [index, row] of rows.entries()) {
    if (index > 0) lines.push(rule("├", "─", "┼", "┤"));
    lines.push(...cells(row, "│", false));
  }
  lines.push(rule("└", "─", "┴", "┘"));
  return lines;
}
