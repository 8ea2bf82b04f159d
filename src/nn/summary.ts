/** @file Summaries of models, as Keras 3 prints them (keras.utils.summary_utils). */
import { callback, flag, whole } from "../base/kinds.ts";
import { type OptionsOf, optional, schema } from "../base/options.ts";
import type { Tensor } from "../ir/tensor.ts";
import { flatten } from "../ir/tree.ts";
import { type AnyLayer, Layer } from "./layer.ts";
import { Module, childModules, rolesOf } from "./module.ts";
import { type ShapeOrList, isShapeList, listOfShapes } from "./shapes.ts";
import { snakeCase } from "./names.ts";

const summaryOptions = schema({
  lineLength: optional(
    whole(40),
    undefined,
    'Width of the table in characters: 88, or 108 with the column "Connected to".',
  ),
  expandNested: optional(flag, false, "Whether models within the model show their layers."),
  showTrainable: optional(flag, false, "Whether a column says which layers are trained."),
  print: optional(callback<(line: string) => void>(), undefined, "Called with every line, too."),
});

/** Options of `summary()`: `lineLength`, `expandNested` (false), `showTrainable` (false), and `print`, called with every line. */
export type SummaryOptions = OptionsOf<typeof summaryOptions.spec>;

/** A layer in a summary. */
export interface SummaryRow {
  readonly name: string;
  readonly className: string;
  /** Without the batch; undefined where it is not known yet. */
  readonly outputShape: ShapeOrList | undefined;
  /** What holds the parameters: a module, or a function that has none. */
  readonly layer: unknown;
  /** Inputs as `name[application][output]`. */
  readonly connections?: readonly string[];
  /** Rows of the layers within. */
  readonly rows?: () => readonly SummaryRow[];
}

/** A model in a summary. */
export interface SummaryModel {
  readonly name: string;
  readonly model: Module;
  readonly rows: readonly SummaryRow[];
  /** Whether "Connected to" tells anything that the order does not. */
  readonly isChain: boolean;
}

/** The table, and the counts and sizes below it. Throws ArgumentError for options it does not know or cannot use. */
export function formatSummary(
  { name, model, rows, isChain }: SummaryModel,
  options: SummaryOptions,
): string {
  const settings = summaryOptions.read("summary", options);
  const { expandNested, showTrainable, print } = settings;
  const columns = columnsOf(isChain, showTrainable, settings.lineLength);
  const cells = (row: SummaryRow, level: number): string[][] => [
    [
      `${level === 0 ? "" : `${"   ".repeat(level)}└ `}${row.name} (${row.className})`,
      shapeText(row.outputShape),
      row.outputShape === undefined
        ? "0 (unbuilt)"
        : countOf(tensorsIn(row.layer)).toLocaleString("en-US"),
      ...(isChain ? [] : [row.connections?.join(", ") || "-"]),
      ...(showTrainable ? [trainableText(row.layer)] : []),
    ],
    ...(expandNested ? (row.rows?.() ?? []).flatMap((inner) => cells(inner, level + 1)) : []),
  ];
  const lines = [
    `Model: "${name}"`,
    ...formatTable(
      columns,
      rows.flatMap((row) => cells(row, 0)),
    ),
    ...totals(model),
  ];
  if (print !== undefined) for (const line of lines) print(line);
  return lines.join("\n");
}

function columnsOf(isChain: boolean, showTrainable: boolean, given: number | undefined): Column[] {
  const headers: Omit<Column, "width">[] = [
    { header: "Layer (type)", align: "left" },
    { header: "Output Shape", align: "left" },
    { header: "Param #", align: "right" },
  ];
  let positions = isChain ? [0.45, 0.8, 1] : [0.3, 0.56, 0.74, 1];
  if (!isChain) headers.push({ header: "Connected to", align: "left" });
  if (showTrainable) {
    headers.push({ header: "Trainable", align: "center" });
    positions = [...positions.map((position) => position * 0.9), 1];
  }
  const lineLength = given ?? (isChain ? 88 : 108) + (showTrainable ? 12 : 0);
  let current = 0;
  const widths = positions.map((position) => {
    const width = Math.trunc(position * lineLength) - current;
    current += width;
    // A space at either side.
    return width + 2;
  });
  const excess = widths.reduce((sum, width) => sum + width + 1, 1) - lineLength;
  const reduced = reduceEvenly(excess, widths);
  return headers.map((column, index) => ({ ...column, width: reduced[index]! }));
}

/** `(None, 28, 28, 1)`, or a list of such. */
function shapeText(shapes: ShapeOrList | undefined): string {
  if (shapes === undefined) return "?";
  const texts = listOfShapes(shapes).map(
    (shape) =>
      // A tuple of one would have a comma in Python: Keras' summaries do not.
      `(${["None", ...shape].join(", ")})`,
  );
  return isShapeList(shapes) && texts.length > 1 ? `[${texts.join(", ")}]` : texts[0]!;
}

function tensorsIn(layer: unknown): Set<Tensor> {
  return new Set(layer instanceof Module ? layer.parameters() : []);
}

function countOf(tensors: Iterable<Tensor>): number {
  let count = 0;
  for (const tensor of tensors) count += tensor.size;
  return count;
}

function trainableText(layer: unknown): string {
  if (tensorsIn(layer).size === 0) return "-";
  return (layer as { trainable?: boolean }).trainable === false ? "N" : "Y";
}

function totals(model: Module): string[] {
  const { leaves, def } = flatten("summary", model);
  const roles = rolesOf(model);
  const trained = new Set<Tensor>();
  for (const [index, leaf] of leaves.entries())
    if (roles.get(def.paths[index]!.replace(/^\./, "")) === "trained") trained.add(leaf);
  const all = new Set(leaves);
  const rest = [...all].filter((leaf) => !trained.has(leaf));
  const line = (title: string, tensors: Iterable<Tensor>): string => {
    const list = [...tensors];
    const bytes = list.reduce((sum, { size, dtype }) => sum + size * fileBytes[dtype], 0);
    return ` ${title}: ${countOf(list).toLocaleString("en-US")} (${sizeText(bytes)})`;
  };
  return [
    line("Total params", all),
    line("Trainable params", trained),
    line("Non-trainable params", rest),
  ];
}

const fileBytes: Readonly<Record<Tensor["dtype"], number>> = {
  float32: 4,
  float64: 8,
  int32: 4,
  bool: 1,
};

/** Bytes in the unit that leaves less than 1024. */
function sizeText(bytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let size = bytes;
  let unit = 0;
  for (; size >= 1024 && unit < units.length - 1; unit++) size /= 1024;
  // Sizes are multiples of powers of 1/2, so that ties are exact: Python rounds them to even digits.
  return `${(roundHalfEven(size * 100) / 100).toFixed(2)} ${units[unit]}`;
}

/** The row of a layer, with those of the layers within it. */
export function rowOf(layer: AnyLayer): SummaryRow {
  const within = layer as { summaryRows?(): SummaryRow[] };
  return {
    name: layer.name ?? snakeCase(layer.className),
    className: layer.className,
    outputShape: layer.outputShape as ShapeOrList | undefined,
    layer,
    rows: () =>
      within.summaryRows?.() ??
      childModules(layer).flatMap((child) => (child instanceof Layer ? [rowOf(child)] : [])),
  };
}

// Tables of text with box-drawing lines, laid out as Python's rich does it for Keras: same widths, same breaks.

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
