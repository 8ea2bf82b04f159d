/** @file Trees of one structure walked in step. */
import { ArgumentError, complaint } from "../base/errors.ts";
import type { Tensor } from "../ir/tensor.ts";
import { type Tree, flatten } from "../ir/tree.ts";

/** The tree of `fn` applied to the leaves at each place of several trees, in the structure of the first. */
export function zipTrees<T>(
  who: string,
  first: T,
  others: readonly Tree[],
  fn: (...leaves: Tensor[]) => Tensor,
): T {
  const { leaves, def } = flatten(who, first);
  const rows = others.map((other) => sameStructure(who, other, def.leafCount));
  return def.rebuild(leaves.map((leaf, index) => fn(leaf, ...rows.map((row) => row[index]!)))) as T;
}

/** As `zipTrees`, for a function of several results: one tree for each of them. */
export function zipTreesMany<T>(
  who: string,
  count: number,
  first: T,
  others: readonly Tree[],
  fn: (...leaves: Tensor[]) => readonly Tensor[],
): T[] {
  const { leaves, def } = flatten(who, first);
  const rows = others.map((other) => sameStructure(who, other, def.leafCount));
  const results = leaves.map((leaf, index) => fn(leaf, ...rows.map((row) => row[index]!)));
  return Array.from(
    { length: count },
    (_, which) => def.rebuild(results.map((result) => result[which]!)) as T,
  );
}

function sameStructure(who: string, tree: Tree, leafCount: number): Tensor[] {
  const { leaves } = flatten(who, tree);
  if (leaves.length !== leafCount)
    throw new ArgumentError(
      complaint(
        who,
        `a tree of ${leafCount} tensors, one a parameter`,
        `one of ${leaves.length}`,
        "Pass the state that init or the last update returned.",
      ),
    );
  return leaves;
}
