/**
 * @file Between the data's units and those of a network: standardised values, logarithms of positive ones, and time counted in
 * typical sampling intervals. Scalings are learned from the training part alone.
 */
import { ArgumentError } from "../base/errors.ts";
import type { Tensor } from "../ir/tensor.ts";
import { tensor } from "../ops/index.ts";
import type { ScaleKind } from "./options.ts";
import type { Series } from "./table.ts";

/** One column: `z = (g(x) - mean) / deviation`, g being the identity or the natural logarithm. */
export interface ColumnScaling {
  readonly kind: "linear" | "log";
  readonly mean: number;
  readonly deviation: number;
}

/** `tau = (t - origin) / unit`, and one scaling for each column. */
export interface Scaling {
  readonly origin: number;
  /** The median interval between observations. */
  readonly unit: number;
  readonly columns: readonly ColumnScaling[];
}

/** A series in the network's units: `z` is [rows, columns], 0 where `seen` is 0. */
export interface Scaled {
  readonly tau: Float64Array;
  readonly z: Float32Array;
  readonly seen: Float32Array;
  readonly width: number;
}

/** By the library's own logarithm and exponential: those of Math may differ between engines. */
function elementwise(values: ArrayLike<number>, fn: (x: Tensor) => Tensor): Float64Array {
  const elements = Float64Array.from(values);
  return elements.length === 0 ? elements : (fn(tensor(elements)).data() as Float64Array);
}
const logarithms = (values: ArrayLike<number>): Float64Array => elementwise(values, (x) => x.log());

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Positive values that span more than this ratio are scaled by their logarithm: populations, concentrations, prices. */
const logRatio = 5;

function columnScaling(values: readonly number[], kind: ScaleKind, name: string): ColumnScaling {
  const low = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (kind === "log" && low <= 0) {
    throw new ArgumentError(`scale log: column "${name}" has values that are not above 0.`);
  }
  const log = kind === "log" || (kind === "auto" && low > 0 && high / low > logRatio);
  const g = log ? [...logarithms(values)] : values;
  const mean = g.reduce((sum, x) => sum + x / g.length, 0);
  // Deviations relative to the largest: squares neither overflow nor vanish.
  const largest = g.reduce((most, x) => Math.max(most, Math.abs(x - mean)), 0);
  const square = g.reduce((sum, x) => sum + ((x - mean) / largest) ** 2 / g.length, 0);
  // A constant column has nothing to scale by.
  const deviation = largest > 1e-12 * Math.abs(mean) ? largest * Math.sqrt(square) : 1;
  return { kind: log ? "log" : "linear", mean, deviation };
}

/**
 * The scaling learned from the first `rows` rows. Throws ArgumentError where logarithms are asked for and a value of any row is not
 * positive.
 */
export function learnScaling(series: Series, rows: number, kind: ScaleKind): Scaling {
  const { times, values, names } = series;
  const width = names.length;
  const columns = names.map((name, c) => {
    const all = [...times.keys()].map((r) => values[r * width + c]!);
    const seen = (part: number[]): number[] => part.filter((v) => !Number.isNaN(v));
    // A held-out value without a logarithm decides too: it will be compared with the forecast.
    const positive = seen(all).every((v) => v > 0);
    const train = seen(all.slice(0, rows));
    if (kind === "log" && !positive) return columnScaling([0], "log", name);
    return columnScaling(train, positive ? kind : "linear", name);
  });
  const gaps = Array.from({ length: rows - 1 }, (_, i) => times[i + 1]! - times[i]!);
  return { origin: times[0]!, unit: median(gaps), columns };
}

/** Values of a column in the network's units. */
export function encode(
  x: ArrayLike<number>,
  { kind, mean, deviation }: ColumnScaling,
): Float64Array {
  const g = kind === "log" ? logarithms(x) : Float64Array.from(x);
  return g.map((value) => (value - mean) / deviation);
}

/** The inverse of `encode`. */
export function decode(
  z: ArrayLike<number>,
  { kind, mean, deviation }: ColumnScaling,
): Float64Array {
  const g = Float64Array.from(z, (value) => value * deviation + mean);
  return kind === "log" ? elementwise(g, (x) => x.exp()) : g;
}

/** dx/dt where the network says dz/dtau: the chain rule through `decode`. */
export function decodeSlope(
  z: ArrayLike<number>,
  slope: ArrayLike<number>,
  column: ColumnScaling,
  unit: number,
): Float64Array {
  const factor = column.kind === "log" ? decode(z, column) : undefined;
  return Float64Array.from(
    slope,
    (value, i) => ((value * column.deviation) / unit) * (factor?.[i] ?? 1),
  );
}

/** Every `size`-th element from `from` on: one column of rows. */
export function columnOf(rows: ArrayLike<number>, size: number, from: number): Float64Array {
  return Float64Array.from({ length: rows.length / size }, (_, row) => rows[row * size + from]!);
}

/** Rows [from, to) of a series in the network's units. */
export function scale(series: Series, scaling: Scaling, from: number, to: number): Scaled {
  const width = series.names.length;
  const part = series.values.subarray(from * width, to * width);
  const columns = scaling.columns.map((column, c) => encode(columnOf(part, width, c), column));
  return {
    width,
    tau: series.times.slice(from, to).map((t) => (t - scaling.origin) / scaling.unit),
    seen: Float32Array.from(part, (x) => (Number.isNaN(x) ? 0 : 1)),
    z: Float32Array.from(part, (x, i) =>
      Number.isNaN(x) ? 0 : columns[i % width]![Math.floor(i / width)]!,
    ),
  };
}
