/** @file Batches of a dataset, in an order that a seed and the epoch's number decide. */
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import { checkOptions } from "../../base/options.ts";
import { Tensor } from "../../ir/tensor.ts";
import { untraced } from "../../ir/trace.ts";
import { random } from "../../ops/index.ts";
import { type Dataset, datasetOf } from "./dataset.ts";

/** Options of `batches`. */
export interface BatchOptions {
  /** Samples in a batch: 32 unless given. */
  readonly batchSize?: number;
  /** A seed or a random key: samples come in an order drawn from it and `epoch`. As they are unless given, or where false. */
  readonly shuffle?: number | Tensor | false;
  /** Which of the orders: 0 unless given. */
  readonly epoch?: number;
  /** Whether a last batch of fewer samples is left out: false unless given. */
  readonly dropLast?: boolean;
}

/** The batches of one epoch: the same ones each time they are gone through. */
export interface Batches<B> extends Iterable<B> {
  /** How many batches there are. */
  readonly length: number;
  /** How many samples they hold in all. */
  readonly samples: number;
}

/**
 * Batches of a tree of tensors with equal first extents: `for (const { x, y } of batches({ x, y }, { batchSize: 128, shuffle: 0,
 * epoch }))`. The same seed and epoch give the same order on every machine. Batches are copies, made when they are asked for.
 * Throws ArgumentError for options out of range and ShapeError for tensors of different numbers of samples.
 */
export function batches<B>(data: B, options: BatchOptions = {}): Batches<B> {
  checkOptions("batches", options, ["batchSize", "shuffle", "epoch", "dropLast"]);
  return batchesOf(datasetOf("batches", data), options);
}

/** As `batches`, of a dataset taken apart. */
export function batchesOf<B>(data: Dataset<B>, options: BatchOptions): Batches<B> {
  const { batchSize = 32, shuffle = false, epoch = 0, dropLast = false } = options;
  checkWhole("batches: batchSize", batchSize, 1);
  checkWhole("batches: epoch", epoch, 0);
  const key = keyOf("batches: shuffle", shuffle);
  const { samples } = data;
  const length = dropLast ? Math.floor(samples / batchSize) : Math.ceil(samples / batchSize);
  return {
    length,
    samples: Math.min(samples, length * batchSize),
    *[Symbol.iterator]() {
      const order = key && epochOrder(key, epoch, samples);
      for (let index = 0; index < length; index++) {
        const from = index * batchSize;
        const to = Math.min(samples, from + batchSize);
        yield order === undefined ? data.range(from, to) : data.rows(order.subarray(from, to));
      }
    },
  };
}

/** The order of the samples in an epoch: one that the key folded with the epoch's number permutes. */
function epochOrder(key: Tensor, epoch: number, samples: number): Int32Array {
  return untraced(
    () => random.permutation(random.foldIn(key, epoch), samples).data() as Int32Array,
  );
}

/** The key of a seed, or the key given. */
export function keyOf(who: string, seed: number | Tensor | false): Tensor | undefined {
  if (seed === false) return undefined;
  if (seed instanceof Tensor) return seed;
  if (typeof seed !== "number")
    throw new ArgumentError(complaint(who, "a seed, a random key or false", describe(seed)));
  return untraced(() => random.key(seed));
}

/** Throws ArgumentError unless the value is an integer of at least `least`. */
export function checkWhole(who: string, value: unknown, least: number): void {
  if (!Number.isSafeInteger(value) || (value as number) < least)
    throw new ArgumentError(complaint(who, `an integer of at least ${least}`, describe(value)));
}
