/** @file What layers of images have in common: options that count rows and columns, and what they ask of their input. */
import { type Pair, windowCount } from "../../ir/conv.ts";
import { ArgumentError, ShapeError, complaint, describe } from "../../base/errors.ts";
import { type Shape, formatShape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { requireTensor } from "../../ops/bind.ts";

/** One number for rows and columns, or one for each. */
export type PairOption = number | Pair;

/**
 * Borders around an image: none ("valid"), as many pixels as keep its extent at stride 1, an odd one at the end ("same"), or
 * [[top, bottom], [left, right]] (which Keras lacks, and other frameworks' networks need). Convolutions read zeros there, and
 * pooling passes over them.
 */
export type PaddingOption = "valid" | "same" | readonly [Pair, Pair];

/** The option that Keras has for the order of axes; images are [rows, columns, channels] here. */
export interface ImageOptions {
  /** Images are [batch, rows, columns, channels]: no other order. */
  readonly dataFormat?: "channelsLast";
}

/** Rows and columns of an option. Throws ArgumentError unless they are integers of at least `least`. */
export function pairOf(who: string, value: unknown, least: number): Pair {
  const pair: unknown = typeof value === "number" ? [value, value] : value;
  if (
    !Array.isArray(pair) ||
    pair.length !== 2 ||
    !pair.every((count) => Number.isInteger(count) && count >= least)
  )
    throw new ArgumentError(
      complaint(
        who,
        `an integer of at least ${least}, or [rows, columns] of such`,
        Array.isArray(value) ? JSON.stringify(value) : describe(value),
      ),
    );
  return [pair[0] as number, pair[1] as number];
}

/** [[top, bottom], [left, right]] of an option that may also be one number, or [rows, columns]. */
export function bordersOf(who: string, value: unknown): readonly [Pair, Pair] {
  const sides: unknown = typeof value === "number" ? [value, value] : value;
  const pairs: unknown = Array.isArray(sides)
    ? sides.map((side: unknown) => (typeof side === "number" ? [side, side] : side))
    : undefined;
  if (
    !Array.isArray(pairs) ||
    pairs.length !== 2 ||
    !pairs.every(
      (pair: unknown) =>
        Array.isArray(pair) &&
        pair.length === 2 &&
        pair.every((count) => Number.isInteger(count) && count >= 0),
    )
  )
    throw new ArgumentError(
      complaint(
        who,
        "an integer of at least 0, [rows, columns], or [[top, bottom], [left, right]]",
        Array.isArray(value) ? JSON.stringify(value) : describe(value),
      ),
    );
  return pairs as unknown as readonly [Pair, Pair];
}

/** The padding among the options. Throws ArgumentError for what is none. */
export function paddingOf(who: string, value: unknown): PaddingOption {
  if (value === "valid" || value === "same") return value;
  if (Array.isArray(value) && value.every(Array.isArray))
    return bordersOf(`${who}: padding`, value);
  throw new ArgumentError(
    complaint(
      `${who}: padding`,
      `"valid", "same" or [[top, bottom], [left, right]]`,
      describe(value),
    ),
  );
}

/** Throws ArgumentError for images whose channels come first. */
export function checkDataFormat(who: string, value: unknown): void {
  if (value !== undefined && value !== "channelsLast")
    throw new ArgumentError(
      complaint(
        `${who}: dataFormat`,
        `"channelsLast"`,
        describe(value),
        "Bring channels last: x.transpose([0, 2, 3, 1]), or permute({ dims: [2, 3, 1] }) as the first layer.",
      ),
    );
}

/** [rows, columns, channels] of a sample. Throws ShapeError for other ranks and empty images. */
export function imageShape(who: string, shape: Shape): [number, number, number] {
  if (shape.length !== 3 || shape.some((extent) => extent < 1))
    throw new ShapeError(
      complaint(
        `${who}: inputShape`,
        "[rows, columns, channels], each at least 1",
        formatShape(shape),
        shape.length === 2 ? `Use [${shape.join(", ")}, 1] for images of one channel.` : undefined,
      ),
    );
  return [...shape] as [number, number, number];
}

/** The batch of images; throws ShapeError for other ranks and, if they are given, for another number of channels. */
export function requireImages(who: string, x: Tensor, channels?: number): Tensor {
  requireTensor(who, x);
  if (x.rank !== 4 || (channels !== undefined && x.shape[3] !== channels))
    throw new ShapeError(
      complaint(
        who,
        `images [batch, rows, columns, ${channels ?? "channels"}]`,
        `shape ${formatShape(x.shape)}`,
        x.rank === 3 ? "For a single image use expandDims(0)." : undefined,
      ),
    );
  return x;
}

/** How windows lie on images, as the layers have read it from their options. */
export interface Windows {
  /** Extent of a window. */
  readonly window: Pair;
  readonly strides: Pair;
  readonly padding: PaddingOption;
  readonly dilation?: Pair;
}

/** Rows and columns of windows that fit an image: ceil(extent / stride) with "same". ShapeError if none fits. */
export function windowsIn(
  who: string,
  [rows, columns]: readonly [number, number, ...number[]],
  { window, strides, padding, dilation = [1, 1] }: Windows,
): [number, number] {
  const count = (extent: number, axis: 0 | 1): number =>
    padding === "same"
      ? Math.ceil(extent / strides[axis])
      : windowCount(
          extent,
          window[axis],
          strides[axis],
          padding === "valid" ? [0, 0] : padding[axis],
          dilation[axis],
        );
  const counts: [number, number] = [count(rows, 0), count(columns, 1)];
  if (counts.includes(0))
    throw new ShapeError(
      complaint(
        who,
        `images of at least ${dilation[0] * (window[0] - 1) + 1} x ${dilation[1] * (window[1] - 1) + 1}, which its window covers`,
        `${rows} x ${columns}`,
        `Use padding: "same", a smaller window, or fewer layers that shrink the image before it.`,
      ),
    );
  return counts;
}
