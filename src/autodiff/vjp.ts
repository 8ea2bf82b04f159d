/** @file Vector-Jacobian products of functions of trees. */
import { typeOf } from "../ir/graph.ts";
import type { Tensor } from "../ir/tensor.ts";
import { currentTrace, evaluateGraph } from "../ir/trace.ts";
import { zerosLike } from "../ops/creation.ts";
import type { Derivative } from "../ops/rules.ts";
import {
  asOneGraph,
  flattenArguments,
  matchingLeaves,
  nameOf,
  rebuildArguments,
  traceTrees,
} from "./arguments.ts";
import { type GraphVjp, vjpGraph } from "./vjp-graph.ts";

/**
 * `fn`'s result, and its pullback: from a cotangent shaped like the result to one gradient an argument, each with the
 * argument's structure. Leaves that are no floats get zeros. The pullback may be called any number of times.
 * Outside every trace, each call of the pullback runs one graph that computes what it needs of `fn` again.
 */
export function vjp<A extends unknown[], R>(
  fn: (...args: A) => R,
  ...args: A
): [R, (cotangent: R) => A] {
  const who = nameOf(fn, "vjp");
  const flat = flattenArguments(who, args);
  const traced = traceTrees(who, fn, flat);
  const inputs = [...flat.leaves, ...traced.captured];
  const types = traced.graph.outputs.map(typeOf);
  const wrt = flat.leaves.map(() => true);
  const finish = (gradients: readonly Derivative[], leaves: readonly Tensor[]): Tensor[] =>
    flat.leaves.map((_, i) => gradients[i] ?? zerosLike(leaves[i]!));
  const open: GraphVjp | undefined =
    currentTrace() === undefined ? undefined : vjpGraph(traced.graph, inputs, wrt);
  const outputs = open?.outputs ?? evaluateGraph(traced.graph, inputs);
  const pullback = (cotangent: R): A => {
    const cotangents = matchingLeaves(`${who}: cotangent`, cotangent, traced.result, types);
    const gradients =
      open !== undefined
        ? finish(open.pullback(cotangents), inputs)
        : asOneGraph(
            (tensors) => {
              const values = tensors.slice(0, inputs.length);
              return finish(
                vjpGraph(traced.graph, values, wrt).pullback(tensors.slice(inputs.length)),
                values,
              );
            },
            [...inputs, ...cotangents],
          );
    return rebuildArguments(flat, gradients) as A;
  };
  return [traced.result.rebuild(outputs) as R, pullback];
}
