/** @file Work done in batches of one size, so that one program serves all and memory is bounded. */
import { ArgumentError, complaint, describe } from "../base/errors.ts";
import type { Tensor } from "../ir/tensor.ts";
import { random, stack, tensor } from "../ops/index.ts";
import type { ExplainOptions } from "./options.ts";

/** Options of methods of many passes. */
export interface BatchOptions extends ExplainOptions {
  /** How many images go through the network at once: 8 unless given. More memory, hardly less time. */
  readonly batchSize?: number;
}

/** Options of methods that draw random numbers. */
export interface RandomOptions extends BatchOptions {
  /** What the random numbers follow from: 0 unless given. The same seed gives the same bits. */
  readonly seed?: number;
}

/** A part of the work. */
export interface Portion {
  /** Which numbers it is about, int32 [size]; the last ones of the last portion go beyond the total. */
  readonly numbers: Tensor;
  readonly start: number;
  /** How many of the numbers count. */
  readonly count: number;
}

/** The numbers below a total in portions of one size. */
export function portions(total: number, size: number): Portion[] {
  return Array.from({ length: Math.ceil(total / size) }, (_, index) => {
    const start = index * size;
    const numbers = tensor(Int32Array.from({ length: size }, (__, i) => start + i));
    return { numbers, start, count: Math.min(size, total - start) };
  });
}

/** `draw` with a random key of its own for each number, one below the other: the same whatever the size of batches. */
export function drawEach(key: Tensor, numbers: Tensor, draw: (key: Tensor) => Tensor): Tensor {
  return stack(
    Array.from({ length: numbers.size }, (_, i) => draw(random.foldIn(key, numbers.at(i)))),
  );
}

/** A positive whole number among the options. Throws ArgumentError naming the method and the option. */
export function countOf(who: string, value: number | undefined, otherwise: number): number {
  if (value === undefined) return otherwise;
  if (!Number.isInteger(value) || value < 1)
    throw new ArgumentError(complaint(who, "a whole number of at least 1", describe(value)));
  return value;
}

/** How many images go through at once, never more than there are. */
export function batchSizeOf(who: string, { batchSize }: BatchOptions, total: number): number {
  return Math.min(total, countOf(`${who}: batchSize`, batchSize, 8));
}
