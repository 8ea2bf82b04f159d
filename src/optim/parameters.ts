/** @file What of a model is trained, apart from the rest. */
import { isFloat } from "../ir/dtype.ts";
import { ArgumentError, complaint } from "../base/errors.ts";
import type { Tensor } from "../ir/tensor.ts";
import { flatten } from "../ir/tree.ts";
import { rolesOf } from "../nn/module.ts";

/** Tensors by the path that leads to them. */
export type TensorsByPath = Readonly<Record<string, Tensor>>;

/** A model taken apart. */
export interface TakenParameters<M> {
  /** What is trained, by path. */
  readonly parameters: TensorsByPath;
  /** State that layers change in training (moving statistics, say), by path. */
  readonly variables: TensorsByPath;
  /** The model with other parameters and variables. */
  assemble(parameters: TensorsByPath, variables: TensorsByPath): M;
}

/**
 * The float leaves of a model that are neither state nor frozen, and that `trainable` accepts (all unless given), by path; and
 * its state. A tensor that stands at several places is one parameter under its first path, so that shared weights stay shared.
 * Throws ArgumentError naming `who`.
 */
export function takeParameters<M>(
  who: string,
  model: M,
  trainable: (path: string, parameter: Tensor) => boolean = () => true,
): TakenParameters<M> {
  const { leaves, def } = flatten(who, model);
  const roles = rolesOf(model);
  const names = new Map<Tensor, string>();
  const taken = new Map<string, Tensor>();
  const states = new Map<string, Tensor>();
  for (const [index, leaf] of leaves.entries()) {
    const path = pathName(def.paths[index]!);
    const isState = roles.get(path) === "state";
    if (names.has(leaf)) continue;
    if (
      !isState &&
      (roles.get(path) === "frozen" || !isFloat(leaf.dtype) || !trainable(path, leaf))
    )
      continue;
    if (taken.has(path) || states.has(path))
      throw new ArgumentError(
        complaint(who, "a path of its own for every parameter", `two at ${path}`),
      );
    names.set(leaf, path);
    (isState ? states : taken).set(path, leaf);
  }
  if (taken.size === 0)
    throw new ArgumentError(
      complaint(
        who,
        "at least one float parameter to train",
        `none among ${leaves.length} tensors`,
        leaves.length === 0
          ? "A model draws its parameters when it knows its input's shape: give its first layer an inputShape."
          : "State, layers whose trainable is false, and what the option trainable refuses do not count.",
      ),
    );
  return {
    parameters: Object.fromEntries(taken),
    variables: Object.fromEntries(states),
    assemble: (parameters, variables) =>
      def.rebuild(
        leaves.map((leaf) => {
          const name = names.get(leaf);
          return name === undefined ? leaf : (variables[name] ?? parameters[name]!);
        }),
      ) as M,
  };
}

/** A leaf's path as a name: without the dot in front, and something where the tree is the leaf. */
export function pathName(path: string): string {
  return path === "" ? "tensor" : path.replace(/^\./, "");
}
