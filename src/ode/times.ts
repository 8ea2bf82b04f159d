/** @file Times as users give them (numbers, arrays, tensors) as one float64 tensor; and the grid that fixed steps follow. */
import { isFloat } from "../ir/dtype.ts";
import { ArgumentError, DTypeError, ShapeError, complaint, describe } from "../base/errors.ts";
import { formatShape } from "../ir/shape.ts";
import { Tensor, concreteElements } from "../ir/tensor.ts";
import { currentTrace } from "../ir/trace.ts";
import { cast } from "../ops/elementwise.ts";
import { concat, reshape } from "../ops/shaping.ts";

/** One time: a number or a scalar tensor, whose derivative can be asked for. */
export type Time = number | Tensor;
/** Several times: numbers, or a tensor [n], whose derivatives can be asked for. */
export type Times = readonly number[] | Float64Array | Float32Array | Tensor;

/** Some times in a row: their number, and their values if they are known now. */
export interface TimeRow {
  readonly tensor: Tensor;
  readonly count: number;
  readonly known: Float64Array | undefined;
}

/** A float64 tensor of the given numbers. */
export function timeTensor(values: ArrayLike<number>): Tensor {
  const elements = Float64Array.from(values);
  return new Tensor({ shape: [elements.length], dtype: "float64" }, elements);
}

/** The row of times in `value`. Throws ArgumentError, ShapeError or DTypeError naming `who`. */
export function timeRow(who: string, value: unknown): TimeRow {
  if (value instanceof Tensor) {
    if (!isFloat(value.dtype))
      throw new DTypeError(complaint(who, "float32 or float64 times", value.dtype));
    if (value.rank > 1)
      throw new ShapeError(
        complaint(who, "one time or a row of times", `shape ${formatShape(value.shape)}`),
      );
    if (value.elements !== undefined || currentTrace() === undefined)
      return known(who, concreteElements(value, who) as Float64Array);
    return {
      tensor: cast(reshape(value, [value.size]), "float64"),
      count: value.size,
      known: undefined,
    };
  }
  if (typeof value === "number") return known(who, [value]);
  if (Array.isArray(value) || value instanceof Float64Array || value instanceof Float32Array) {
    const wrong = Array.from(value as ArrayLike<unknown>).findIndex(
      (time) => typeof time !== "number",
    );
    if (wrong !== -1)
      throw new ArgumentError(
        complaint(
          who,
          "numbers, or one tensor of times",
          `${describe((value as unknown[])[wrong])} at index ${wrong}`,
        ),
      );
    return known(who, value as ArrayLike<number>);
  }
  throw new ArgumentError(complaint(who, "numbers or a tensor", describe(value)));
}

function known(who: string, values: ArrayLike<number>): TimeRow {
  const tensor = timeTensor(values);
  const elements = tensor.elements as Float64Array;
  checkFinite(who, elements);
  return { tensor, count: elements.length, known: elements };
}

/** Rows of times after one another. */
export function joinTimes(rows: readonly TimeRow[]): TimeRow {
  const count = rows.reduce((total, row) => total + row.count, 0);
  if (rows.every((row) => row.known !== undefined)) {
    const tensor = timeTensor(rows.flatMap((row) => [...row.known!]));
    return { tensor, count, known: tensor.elements as Float64Array };
  }
  return { tensor: concat(rows.map((row) => row.tensor)), count, known: undefined };
}

/** Throws ArgumentError for times that are NaN or infinite. */
export function checkFinite(who: string, times: Float64Array): void {
  const bad = times.findIndex((time) => !Number.isFinite(time));
  if (bad !== -1)
    throw new ArgumentError(complaint(who, "finite times", `${times[bad]} at index ${bad}`));
}

/** Throws ArgumentError unless the times increase or decrease: strictly, unless they may repeat. */
export function checkOrder(who: string, times: Float64Array, mayRepeat = false): void {
  const direction = Math.sign(times[times.length - 1]! - times[0]!);
  for (let index = 1; index < times.length; index++) {
    const ahead = (times[index]! - times[index - 1]!) * direction;
    if (!(mayRepeat ? ahead >= 0 : ahead > 0))
      throw new ArgumentError(
        complaint(
          who,
          mayRepeat
            ? "increasing or decreasing times"
            : "strictly increasing or strictly decreasing times",
          `${times[index - 1]} before ${times[index]} at index ${index}`,
        ),
      );
  }
}

/** Number of steps from `start` to `end`; without a number and a size the `count` output times are the grid. */
export function stepCount(
  steps: number | undefined,
  stepSize: number | undefined,
  start: number,
  end: number,
  count: number,
): number {
  if (steps !== undefined) return steps;
  if (stepSize === undefined) return count - 1;
  // Whole steps: one that overshoots by rounding alone ends at the end.
  return Math.max(1, Math.ceil((Math.abs(end - start) / stepSize) * (1 - 1e-12)));
}

/** The end of step `index`, counted from 1, if it is not the last. */
export function stepEnd(
  index: number,
  steps: number | undefined,
  stepSize: number | undefined,
  start: number,
  end: number,
  times: Float64Array,
): number {
  if (stepSize !== undefined) return start + Math.sign(end - start) * index * stepSize;
  if (steps !== undefined) return start + ((end - start) * index) / steps;
  return times[index]!;
}
