/**
 * @file Datasets: trees of tensors whose first axis counts the samples, taken in batches in an order that a seed and the epoch's
 * number decide, and brought to mean 0 and deviation 1 per channel.
 */
import { ArgumentError, DTypeError, ShapeError, complaint, describe } from "../../base/errors.ts";
import { count, flag, kind, whole } from "../../base/kinds.ts";
import { type OptionsOf, optional, schema } from "../../base/options.ts";
import { allocate, isFloat } from "../../ir/dtype.ts";
import { formatShape, sizeOf } from "../../ir/shape.ts";
import { Tensor, concreteElements } from "../../ir/tensor.ts";
import { untraced } from "../../ir/trace.ts";
import { type TreeDef, flatten } from "../../ir/tree.ts";
import { requireTensor } from "../../ops/bind.ts";
import { random } from "../../ops/index.ts";

/** A dataset taken apart. */
export interface Dataset<B> {
  readonly samples: number;
  /** The samples at these places, as a tree like the dataset. */
  rows(places: ArrayLike<number>): B;
  /** The samples from one place up to another. */
  range(from: number, to: number): B;
}

/**
 * Throws ArgumentError for anything but a tree of tensors, ShapeError naming leaves with different numbers of samples, TraceError for
 * traced tensors.
 */
export function datasetOf<B>(who: string, data: B): Dataset<B> {
  const { leaves, def } = flatten(who, data);
  const sources = leaves.map((leaf, index) => {
    const path = def.paths[index] === "" ? "" : ` at ${def.paths[index]}`;
    if (leaf.rank === 0)
      throw new ShapeError(
        complaint(`${who}${path}`, "tensors whose first axis counts samples", "a scalar"),
      );
    return { leaf, elements: concreteElements(leaf, who), row: sizeOf(leaf.shape.slice(1)) };
  });
  if (sources.length === 0)
    throw new ShapeError(complaint(who, "at least one tensor", "a tree without any"));
  const samples = leaves[0]!.shape[0]!;
  const odd = leaves.findIndex((leaf) => leaf.shape[0] !== samples);
  if (odd > 0) throw new ShapeError(unequal(who, def, leaves, odd));
  const rebuild = (parts: readonly Tensor[]): B => def.rebuild(parts) as B;
  return {
    samples,
    rows: (places) =>
      rebuild(
        sources.map(({ leaf, elements, row }) => {
          const picked = allocate(leaf.dtype, places.length * row);
          for (let index = 0; index < places.length; index++) {
            const from = places[index]! * row;
            // Copying a handful of elements one by one is faster than making a view of them.
            if (row < 8)
              for (let j = 0; j < row; j++) picked[index * row + j] = elements[from + j]!;
            else picked.set(elements.subarray(from, from + row), index * row);
          }
          return new Tensor(
            { shape: [places.length, ...leaf.shape.slice(1)], dtype: leaf.dtype },
            picked,
          );
        }),
      ),
    range: (from, to) =>
      rebuild(
        sources.map(
          ({ leaf, elements, row }) =>
            new Tensor(
              { shape: [to - from, ...leaf.shape.slice(1)], dtype: leaf.dtype },
              elements.subarray(from * row, to * row),
            ),
        ),
      ),
  };
}

function unequal(who: string, def: TreeDef, leaves: readonly Tensor[], odd: number): string {
  const named = (index: number): string =>
    `${formatShape(leaves[index]!.shape)}${def.paths[index] === "" ? "" : ` at ${def.paths[index]}`}`;
  return complaint(
    who,
    "the same number of samples in every tensor",
    `${named(0)} and ${named(odd)}`,
  );
}

/** An order of samples: a seed, a random key, or false for the data's own order. */
export const order = kind<number | Tensor | false>(
  "a seed (a whole number of at least 0), a random key or false",
  (given) =>
    given === false ||
    given instanceof Tensor ||
    (Number.isSafeInteger(given) && Number(given) >= 0),
);

const batchSchema = schema({
  batchSize: optional(count, 32, "Number of samples in a batch."),
  shuffle: optional(
    order,
    false,
    "A seed or a random key, from which the order of the samples is drawn together with `epoch`; false for the data's own order.",
  ),
  epoch: optional(whole(0), 0, "Which of the orders."),
  dropLast: optional(flag, false, "Whether a last batch of fewer samples is left out."),
});

/** Options of `batches`. */
export type BatchOptions = OptionsOf<typeof batchSchema.spec>;

/** The batches of one epoch. They are the same each time they are iterated. */
export interface Batches<B> extends Iterable<B> {
  /** The number of batches. */
  readonly length: number;
  /** The number of samples in all of them. */
  readonly samples: number;
}

/**
 * Batches of a tree of tensors with equal first extents: `for (const { x, y } of batches({ x, y }, { batchSize: 128, shuffle: 0,
 * epoch }))`. The same seed and epoch give the same order on every machine. Batches are copies, made when they are asked for.
 * Throws ArgumentError for options out of range and ShapeError for tensors with different numbers of samples.
 */
export function batches<B>(data: B, options: BatchOptions = {}): Batches<B> {
  const { shuffle, ...settings } = batchSchema.read("batches", options);
  return batchesOf(datasetOf("batches", data), { ...settings, key: keyOf(shuffle) });
}

/** As `batches`, for a dataset taken apart and a key, or undefined for the data's own order. */
export function batchesOf<B>(
  data: Dataset<B>,
  {
    batchSize,
    dropLast,
    epoch,
    key,
  }: {
    readonly batchSize: number;
    readonly dropLast: boolean;
    readonly epoch: number;
    readonly key: Tensor | undefined;
  },
): Batches<B> {
  const { samples } = data;
  const length = dropLast ? Math.floor(samples / batchSize) : Math.ceil(samples / batchSize);
  return {
    length,
    samples: Math.min(samples, length * batchSize),
    *[Symbol.iterator]() {
      const places = key && epochOrder(key, epoch, samples);
      for (let index = 0; index < length; index++) {
        const from = index * batchSize;
        const to = Math.min(samples, from + batchSize);
        yield places === undefined ? data.range(from, to) : data.rows(places.subarray(from, to));
      }
    },
  };
}

/** The order of the samples in an epoch: a permutation drawn from the key folded with the epoch's number. */
function epochOrder(key: Tensor, epoch: number, samples: number): Int32Array {
  return untraced(
    () => random.permutation(random.foldIn(key, epoch), samples).data() as Int32Array,
  );
}

/** The key of an order, undefined for the data's own. */
export function keyOf(given: number | Tensor | false): Tensor | undefined {
  if (given === false) return undefined;
  return given instanceof Tensor ? given : untraced(() => random.key(given));
}

/** Mean and standard deviation, one number for each index of the last axis. */
export interface ChannelStatistics {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * Mean and standard deviation of each channel (the last axis) over all samples and places, summed in float64. Throws ShapeError
 * without samples.
 */
export function channelStatistics(x: Tensor): ChannelStatistics {
  const who = "channelStatistics";
  const channels = channelsOf(who, x);
  const elements = concreteElements(x, who);
  const count = elements.length / channels;
  if (elements.length === 0) throw new ShapeError(complaint(who, "at least one sample", "none"));
  const mean = new Float64Array(channels);
  const square = new Float64Array(channels);
  for (let at = 0; at < elements.length; at += channels)
    for (let c = 0; c < channels; c++) mean[c]! += elements[at + c]!;
  for (let c = 0; c < channels; c++) mean[c]! /= count;
  for (let at = 0; at < elements.length; at += channels)
    for (let c = 0; c < channels; c++) {
      const deviation = elements[at + c]! - mean[c]!;
      square[c]! += deviation * deviation;
    }
  return { mean: [...mean], std: Array.from(square, (sum) => Math.sqrt(sum / count)) };
}

/**
 * (x - mean) / std, for a number or one number per channel: `normalise(x, channelStatistics(x))`. int32 becomes float32.
 * Throws ArgumentError unless there are as many numbers as channels, all finite, and the deviations are positive.
 */
export function normalise(
  x: Tensor,
  options: { readonly mean: number | readonly number[]; readonly std: number | readonly number[] },
): Tensor {
  const channels = channelsOf("normalise", x);
  const spread = (name: string, value: number | readonly number[]): readonly number[] => {
    const list = typeof value === "number" ? Array.from({ length: channels }, () => value) : value;
    if (
      !Array.isArray(list) ||
      list.length !== channels ||
      !list.every((v) => Number.isFinite(v) && (name === "mean" || v > 0))
    )
      throw new ArgumentError(
        complaint(
          `normalise: ${name}`,
          `${name === "mean" ? "a finite" : "a positive"} number, or one for each of ${channels} channels`,
          Array.isArray(value) ? `[${value.slice(0, 8).join(", ")}]` : describe(value),
        ),
      );
    return list;
  };
  const [mean, std] = [spread("mean", options.mean), spread("std", options.std)];
  const from = concreteElements(x, "normalise");
  const to = x.dtype === "float64" ? new Float64Array(from.length) : new Float32Array(from.length);
  for (let at = 0; at < from.length; at += channels)
    for (let c = 0; c < channels; c++) to[at + c] = (from[at + c]! - mean[c]!) / std[c]!;
  return new Tensor({ shape: x.shape, dtype: isFloat(x.dtype) ? x.dtype : "float32" }, to);
}

function channelsOf(who: string, x: Tensor): number {
  requireTensor(who, x);
  if (x.dtype === "bool")
    throw new DTypeError(complaint(who, "numbers", "bool", 'Use cast("float32").'));
  const channels = x.shape.at(-1);
  if (channels === undefined || channels < 1)
    throw new ShapeError(complaint(who, "channels along the last axis", "none"));
  return channels;
}
