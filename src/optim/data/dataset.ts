/** @file Datasets: trees of tensors whose first axis counts the samples. */
import { allocate } from "../../ir/dtype.ts";
import { ShapeError, complaint } from "../../base/errors.ts";
import { formatShape, sizeOf } from "../../ir/shape.ts";
import { Tensor, concreteElements } from "../../ir/tensor.ts";
import { type TreeDef, flatten } from "../../ir/tree.ts";

/** A dataset taken apart. */
export interface Dataset<B> {
  readonly samples: number;
  /** The samples at these places, as a tree like the dataset. */
  rows(places: ArrayLike<number>): B;
  /** The samples from one place up to another. */
  range(from: number, to: number): B;
}

/** Throws ArgumentError for what is no tree of tensors, ShapeError naming leaves of different numbers of samples, TraceError for traced ones. */
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
  return complaint(who, "as many samples in every tensor", `${named(0)} and ${named(odd)}`);
}
