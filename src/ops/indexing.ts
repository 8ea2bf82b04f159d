/** @file Picking and placing elements by index. Indices are int32; those outside are clamped to the nearest end. */
import { ArgumentError, DTypeError, ShapeError, complaint } from "../base/errors.ts";
import { formatShape, normalizeAxis, sameShape, sizeOf } from "../ir/shape.ts";
import { Tensor } from "../ir/tensor.ts";
import { bind1, requireList, requireTensor } from "./bind.ts";
import { type DTypeOption, iota, tensor } from "./creation.ts";
import { cast, add, equal, mul, maximum, minimum } from "./elementwise.ts";
import { broadcastTo, expandDims, reshape, swapAxes } from "./shaping.ts";

/** An int32 tensor of indices, or numbers, of which negative ones count from the end. */
export type Indices = Tensor | number | readonly number[];

function toIndices(who: string, indices: Indices, extent: number): Tensor {
  if (indices instanceof Tensor) {
    if (indices.dtype !== "int32")
      throw new DTypeError(complaint(who, "int32 indices", indices.dtype, 'Use cast("int32").'));
    return indices;
  }
  if (typeof indices !== "number")
    requireList(who, "an index, an array of them or an int32 tensor", indices);
  const list = typeof indices === "number" ? [indices] : indices;
  const outside = list.find(
    (index) => !Number.isInteger(index) || index < -extent || index >= extent,
  );
  if (outside !== undefined)
    throw new ArgumentError(
      complaint(who, `indices in [${-extent}, ${extent - 1}]`, String(outside)),
    );
  const wrapped = list.map((index) => (index < 0 ? index + extent : index));
  return typeof indices === "number"
    ? tensor(wrapped[0]!, { dtype: "int32" })
    : tensor(wrapped, { dtype: "int32" });
}

/** Slices of `x` at `indices` along an axis, which is replaced by the axes of `indices`. */
export function take(x: Tensor, indices: Indices, axis = 0): Tensor {
  requireTensor("take", x);
  const along = normalizeAxis("take", axis, x.rank);
  return bind1("gather", [x, toIndices("take", indices, x.shape[along]!)], { axis: along });
}

/** As `take`: TensorFlow's name for it. */
export const gather: typeof take = take;

/**
 * Element by element along an axis: out[.., i, ..] = x[.., indices[.., i, ..], ..]. Throws DTypeError unless the indices are
 * int32, ShapeError unless their other extents are those of x.
 */
export function takeAlongAxis(x: Tensor, indices: Tensor, axis = -1): Tensor {
  requireTensor("takeAlongAxis", x);
  toIndices("takeAlongAxis", requireTensor("takeAlongAxis", indices), 0);
  const along = normalizeAxis("takeAlongAxis", axis, x.rank);
  const others = (shape: readonly number[]): number[] => shape.filter((_, i) => i !== along);
  if (indices.rank !== x.rank || !sameShape(others(x.shape), others(indices.shape)))
    throw new ShapeError(
      complaint(
        "takeAlongAxis",
        `indices of shape ${formatShape(x.shape)} but for axis ${along}`,
        formatShape(indices.shape),
      ),
    );
  const extent = x.shape[along]!;
  const columns = swapAxes(x, along, -1);
  const picks = swapAxes(indices, along, -1);
  const lead = columns.shape.slice(0, -1);
  const count = picks.shape.at(-1)!;
  // Rows one after another: the element's place in the flattened tensor.
  const flatPicks = minimum(maximum(reshape(picks, [sizeOf(lead), count]), 0), extent - 1);
  const places = add(flatPicks, mul(iota([sizeOf(lead), 1], 0), extent));
  const taken = take(reshape(columns, [x.size]), places, 0);
  return swapAxes(reshape(taken, [...lead, count]), along, -1);
}

/** 1 at each index on a new last axis of extent `depth`, 0 elsewhere; float32 unless given. All 0 for an index outside. */
export function oneHot(indices: Tensor, depth: number, options: DTypeOption = {}): Tensor {
  toIndices("oneHot", requireTensor("oneHot", indices), depth);
  const shape = [...indices.shape, depth];
  return cast(
    equal(broadcastTo(expandDims(indices, indices.rank), shape), iota(shape, indices.rank)),
    options.dtype ?? "float32",
  );
}

/**
 * Zeros of extent `size` on `axis`, with `updates` added at `indices`: the reverse of `take`. The axes of `indices` are
 * `updates`' axes from `axis` on. Updates to one place add up.
 */
export function scatterAdd(updates: Tensor, indices: Indices, size: number, axis = 0): Tensor {
  requireTensor("scatterAdd", updates);
  const where = toIndices("scatterAdd", indices, size);
  return bind1("scatterAdd", [updates, where], {
    // Of the result, in which one axis stands for those of the indices.
    axis: normalizeAxis("scatterAdd", axis, Math.max(1, updates.rank - where.rank + 1)),
    size,
  });
}
