/** @file What of a model is trained, apart from the rest. */
import { isFloat } from "../ir/dtype.ts";
import { ArgumentError, complaint } from "../ir/errors.ts";
import type { Tensor } from "../ir/tensor.ts";
import { flatten } from "../ir/tree.ts";

/** A model taken apart. */
export interface TakenParameters<M> {
  /** What is trained, by path. */
  readonly parameters: Readonly<Record<string, Tensor>>;
  /** The model with other parameters. */
  assemble(parameters: Readonly<Record<string, Tensor>>): M;
}

/**
 * The float leaves of a model that `trainable` accepts (all unless given), by path. A tensor that stands at several places is
 * one parameter under its first path, so that shared weights stay shared. Throws ArgumentError naming `who`.
 */
export function takeParameters<M>(
  who: string,
  model: M,
  trainable: (path: string, parameter: Tensor) => boolean = () => true,
): TakenParameters<M> {
  const { leaves, def } = flatten(who, model);
  const names = new Map<Tensor, string>();
  const taken = new Map<string, Tensor>();
  for (const [index, leaf] of leaves.entries()) {
    const path = pathName(def.paths[index]!);
    if (names.has(leaf) || !isFloat(leaf.dtype) || !trainable(path, leaf)) continue;
    if (taken.has(path))
      throw new ArgumentError(
        complaint(who, "a path of its own for every parameter", `two at ${path}`),
      );
    names.set(leaf, path);
    taken.set(path, leaf);
  }
  if (taken.size === 0)
    throw new ArgumentError(
      complaint(
        who,
        "at least one float parameter to train",
        `none among ${leaves.length} tensors`,
      ),
    );
  return {
    parameters: Object.fromEntries(taken),
    assemble: (parameters) =>
      def.rebuild(
        leaves.map((leaf) => {
          const name = names.get(leaf);
          return name === undefined ? leaf : parameters[name]!;
        }),
      ) as M,
  };
}

/** A leaf's path as a name: without the dot in front, and something where the tree is the leaf. */
export function pathName(path: string): string {
  return path === "" ? "tensor" : path.replace(/^\./, "");
}
