/** @file What all transformations share: arguments as leaves, functions as graphs, derivatives as one graph. */
import { callWith } from "../ir/call.ts";
import { ArgumentError, DTypeError, ShapeError, complaint, describe } from "../base/errors.ts";
import { type Graph, type TensorType, typeOf } from "../ir/graph.ts";
import { formatShape, sameShape } from "../ir/shape.ts";
import { Tensor } from "../ir/tensor.ts";
import { currentTrace, evaluateGraph, trace } from "../ir/trace.ts";
import { type TreeDef, flatten } from "../ir/tree.ts";

/** Arguments taken apart. */
export interface FlatArguments {
  readonly leaves: Tensor[];
  /** One an argument. */
  readonly defs: readonly TreeDef[];
  /** First leaf of each argument, and the number of leaves at the end. */
  readonly starts: readonly number[];
}

/** The leaves of all arguments. Throws ArgumentError naming `who`, the argument and the path if a leaf is not a tensor. */
export function flattenArguments(who: string, args: readonly unknown[]): FlatArguments {
  if (!Array.isArray(args))
    throw new ArgumentError(complaint(who, "an array of arguments", describe(args)));
  const leaves: Tensor[] = [];
  const starts = [0];
  const defs = args.map((arg, i) => {
    const flat = flatten(`${who} (argument ${i})`, arg);
    leaves.push(...flat.leaves);
    starts.push(leaves.length);
    return flat.def;
  });
  return { leaves, defs, starts };
}

/** Arguments put together again from leaves. */
export function rebuildArguments(
  flat: Pick<FlatArguments, "defs" | "starts">,
  leaves: readonly Tensor[],
): unknown[] {
  return flat.defs.map((def, i) => def.rebuild(leaves.slice(flat.starts[i], flat.starts[i + 1])));
}

/** A function of trees as a graph: its inputs are the leaves, then the captured tensors. */
export interface TracedTrees {
  readonly graph: Graph;
  readonly captured: readonly Tensor[];
  readonly result: TreeDef;
}

/** Traces a function of trees for arguments like the given ones. */
export function traceTrees(
  who: string,
  fn: (...args: never[]) => unknown,
  flat: FlatArguments,
): TracedTrees {
  let result: TreeDef | undefined;
  const { graph, captured } = trace((...placeholders) => {
    const out = flatten(
      `result of ${who}`,
      callWith(who, fn, rebuildArguments(flat, placeholders) as never[]),
    );
    result = out.def;
    return out.leaves;
  }, flat.leaves.map(typeOf));
  return { graph, captured, result: result! };
}

/** Inside a trace, `fn` as it is; outside, traced into one graph that runs at once. */
export function asOneGraph(
  fn: (tensors: readonly Tensor[]) => readonly Tensor[],
  inputs: readonly Tensor[],
): readonly Tensor[] {
  if (currentTrace() !== undefined) return fn(inputs);
  const { graph, captured } = trace((...placeholders) => fn(placeholders), inputs.map(typeOf));
  return evaluateGraph(graph, [...inputs, ...captured]);
}

/** A name for messages. */
export function nameOf(fn: unknown, transformation: string): string {
  if (typeof fn !== "function")
    throw new ArgumentError(complaint(transformation, "a function", describe(fn)));
  return fn.name === "" ? transformation : `${transformation} of ${fn.name}`;
}

/** Leaves of a tree that must look like another: structure, shapes and dtypes. Errors name `who`. */
export function matchingLeaves(
  who: string,
  tree: unknown,
  def: TreeDef,
  types: readonly TensorType[],
): Tensor[] {
  const flat = flatten(who, tree);
  if (flat.def.key !== def.key)
    throw new ArgumentError(
      complaint(
        who,
        `a tree of ${def.leafCount} leaves structured as ${def.key}`,
        `${flat.def.leafCount} structured as ${flat.def.key}`,
      ),
    );
  flat.leaves.forEach((leaf, i) => {
    const { shape, dtype } = types[i]!;
    const place = def.paths[i] === "" ? "" : ` at ${def.paths[i]}`;
    if (!sameShape(leaf.shape, shape))
      throw new ShapeError(
        complaint(who, `shape ${formatShape(shape)}${place}`, formatShape(leaf.shape)),
      );
    if (leaf.dtype !== dtype)
      throw new DTypeError(complaint(who, `${dtype}${place}`, leaf.dtype, "Use cast."));
  });
  return flat.leaves;
}
