/** @file How callers say where windows lie on an image: one number or two, padding by name or by width. */
import type { Pair } from "../ir/conv.ts";
import { ArgumentError, ShapeError, complaint, describe } from "../base/errors.ts";
import { formatShape } from "../ir/shape.ts";
import type { Tensor } from "../ir/tensor.ts";
import { requireTensor } from "./bind.ts";

/** One number for rows and columns, or one for each. */
export type PairLike = number | Pair;

/**
 * Zeros around an image: "valid" none; "same" so many that ceil(extent / stride) windows fit, the odd one at the bottom and
 * the right (as TensorFlow and Keras do); or [[top, bottom], [left, right]].
 */
export type Padding = "valid" | "same" | readonly [Pair, Pair];

/** The numbers for rows and columns; ArgumentError naming `who` unless they are integers >= `least`. */
export function pairOf(who: string, what: string, value: PairLike, least = 1): Pair {
  const pair = typeof value === "number" ? ([value, value] as const) : value;
  const right =
    Array.isArray(pair) &&
    pair.length === 2 &&
    pair.every((n) => Number.isInteger(n) && n >= least);
  if (!right)
    throw new ArgumentError(
      complaint(
        who,
        `${what}: an integer >= ${least}, or [rows, columns] of them`,
        Array.isArray(value) ? formatShape(value) : describe(value),
      ),
    );
  return [pair[0]!, pair[1]!];
}

/** Keras' padding "same" along one axis, for windows that span `span` elements. */
function same(extent: number, span: number, stride: number): Pair {
  const windows = Math.ceil(extent / stride);
  const total = Math.max((windows - 1) * stride + span - extent, 0);
  return [Math.floor(total / 2), Math.ceil(total / 2)];
}

/** Padding in numbers for an image of `size`; ArgumentError naming `who` for what is none. */
export function paddingOf(
  who: string,
  padding: Padding,
  size: Pair,
  spans: Pair,
  strides: Pair,
): readonly [Pair, Pair] {
  if (padding === "valid")
    return [
      [0, 0],
      [0, 0],
    ];
  if (padding === "same")
    return [same(size[0], spans[0], strides[0]), same(size[1], spans[1], strides[1])];
  if (!Array.isArray(padding) || padding.length !== 2 || !padding.every(Array.isArray))
    throw new ArgumentError(
      complaint(
        who,
        'padding "valid", "same" or [[top, bottom], [left, right]]',
        describe(padding),
      ),
    );
  return [
    pairOf(who, "padding of rows", padding[0], 0),
    pairOf(who, "padding of columns", padding[1], 0),
  ];
}

/** Elements from a window's first to its last, along rows and columns. */
export function spansOf(window: Pair, dilation: Pair): Pair {
  return [dilation[0] * (window[0] - 1) + 1, dilation[1] * (window[1] - 1) + 1];
}

/** Throws ShapeError naming `who` unless the tensor has four axes. */
export function requireRank4(who: string, what: string, x: Tensor): void {
  if (requireTensor(who, x).rank !== 4)
    throw new ShapeError(complaint(who, what, formatShape(x.shape)));
}
