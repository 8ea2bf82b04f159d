/** @file Jacobian-vector products of functions of trees. */
import { ArgumentError, complaint, describe } from "../base/errors.ts";
import type { Tensor } from "../ir/tensor.ts";
import { isFloat } from "../ir/dtype.ts";
import { zerosLike } from "../ops/creation.ts";
import type { Derivative } from "../ops/rules.ts";
import type { TreeDef } from "../ir/tree.ts";
import { asOneGraph, flattenArguments, matchingLeaves, nameOf, traceTrees } from "./arguments.ts";
import { jvpGraph } from "./jvp-graph.ts";

/**
 * `fn`'s result at `args`, and its derivative along `tangents`: one an argument, shaped like it (undefined: zero).
 * Tangents of leaves that are no floats are ignored; results that are no floats have tangent zero.
 */
export function jvp<A extends unknown[], R>(
  fn: (...args: A) => R,
  args: A,
  tangents: { readonly [K in keyof A]: A[K] | undefined },
): [R, R] {
  const who = nameOf(fn, "jvp");
  const flat = flattenArguments(who, args);
  if (!Array.isArray(tangents) || tangents.length !== args.length)
    throw new ArgumentError(
      complaint(
        who,
        `${args.length} tangents (one an argument)`,
        Array.isArray(tangents) ? String(tangents.length) : describe(tangents),
      ),
    );
  const given: Derivative[] = args.flatMap((_, n): Derivative[] => {
    const types = flat.leaves.slice(flat.starts[n], flat.starts[n + 1]);
    if (tangents[n] === undefined) return types.map(() => undefined);
    const leaves = matchingLeaves(
      `${who}: tangent of argument ${n}`,
      tangents[n],
      flat.defs[n]!,
      types,
    );
    return leaves.map((leaf) => (isFloat(leaf.dtype) ? leaf : undefined));
  });
  const present = given.filter((tangent) => tangent !== undefined);
  let result: TreeDef | undefined;
  const tensors = asOneGraph(
    (all) => {
      const leaves = all.slice(0, flat.leaves.length);
      let next = leaves.length;
      const along = given.map((tangent) => (tangent === undefined ? undefined : all[next++]!));
      const traced = traceTrees(who, fn, { ...flat, leaves });
      result = traced.result;
      const out = jvpGraph(traced.graph, [...leaves, ...traced.captured], along);
      return [
        ...out.outputs,
        ...out.tangents.map((tangent, i): Tensor => tangent ?? zerosLike(out.outputs[i]!)),
      ];
    },
    [...flat.leaves, ...present],
  );
  const count = result!.leafCount;
  return [
    result!.rebuild(tensors.slice(0, count)) as R,
    result!.rebuild(tensors.slice(count)) as R,
  ];
}
