/** @file Norms of states scaled by tolerances: what "an error of 1" means. */
import { isFloat } from "../ir/dtype.ts";
import { ArgumentError, DTypeError, ShapeError, complaint, describe } from "../base/errors.ts";
import type { Graph, TensorType } from "../ir/graph.ts";
import { broadcastShapes, formatShape, sameShape } from "../ir/shape.ts";
import { Tensor } from "../ir/tensor.ts";
import { trace } from "../ir/trace.ts";
import { type Tree, type TreeDef, flatten } from "../ir/tree.ts";
import { inline } from "../autodiff/inline.ts";
import { cast, div, maximum, mul, sqrt } from "../ops/elementwise.ts";
import { sum } from "../ops/reductions.ts";

/** A norm of states: a tree like y -> a scalar tensor, not negative. */
export type Norm<Y extends Tree = Tree> = (y: Y) => Tensor;

/** A norm as a graph: inputs the leaves, then captured tensors; output a scalar. */
export interface TracedNorm {
  readonly graph: Graph;
  readonly captured: readonly Tensor[];
}

/** mean(x^2), as a float64 scalar. */
function meanSquare(x: Tensor): Tensor {
  return div(cast(sum(mul(x, x)), "float64"), Math.max(1, x.size));
}

/** The largest root mean square of the leaves (torchdiffeq's mixed norm); for one leaf, its root mean square. */
export function mixedNorm(leaves: readonly Tensor[]): Tensor {
  return sqrt(leaves.map(meanSquare).reduce((largest, mean) => maximum(largest, mean)));
}

/** Traces a norm on states of these types. Throws ArgumentError unless it returns one scalar tensor. */
export function traceNorm(
  who: string,
  norm: unknown,
  state: readonly TensorType[],
  def: TreeDef,
): TracedNorm {
  if (typeof norm !== "function")
    throw new ArgumentError(
      complaint(`${who}: norm`, "a function of a tree like y", describe(norm)),
    );
  return trace((...leaves) => {
    const value: unknown = (norm as (y: unknown) => unknown)(def.rebuild(leaves));
    if (!(value instanceof Tensor) || value.size !== 1)
      throw new ArgumentError(
        complaint(
          `${who}: norm`,
          "one number as a tensor",
          value instanceof Tensor ? `shape ${formatShape(value.shape)}` : describe(value),
        ),
      );
    return [cast(sum(value), "float64")];
  }, state);
}

/**
 * Part of a state under one norm: `leaves` of it under a custom norm, or under the mixed norm. The state's norm is the
 * largest of its parts'; leaves in no part do not count. `extras` are the inputs that hold what the norm has captured.
 */
export interface NormPart {
  readonly leaves: readonly number[];
  readonly custom?: { readonly graph: Graph; readonly extras: readonly number[] };
}

/** The norm of a state by parts. */
export function partsNorm(
  parts: readonly NormPart[],
  leaves: readonly Tensor[],
  extras: readonly Tensor[],
): Tensor {
  const norms: Tensor[] = [];
  const mixed: Tensor[] = [];
  for (const { leaves: chosen, custom } of parts) {
    const own = chosen.map((index) => leaves[index]!);
    if (custom === undefined) mixed.push(...own);
    else if (own.length > 0)
      norms.push(
        inline(custom.graph, [...own, ...custom.extras.map((index) => extras[index]!)])[0]!,
      );
  }
  // The largest of several mixed norms is one mixed norm.
  if (mixed.length > 0) norms.push(mixedNorm(mixed));
  return norms.reduce((largest, norm) => maximum(largest, norm));
}

/** A tolerance: one number, or a number or tensor for every leaf (tensors broadcast to the leaf). */
export type Tolerance = number | Tree;

/** Throws DTypeError, ShapeError or ArgumentError unless a tensor can be the tolerance of a leaf: values are checked where known. */
export function checkTolerance(who: string, tolerance: Tensor, leaf: TensorType): void {
  if (!isFloat(tolerance.dtype))
    throw new DTypeError(complaint(who, "float32 or float64 tensors", tolerance.dtype));
  if (!sameShape(broadcastShapes(who, tolerance.shape, leaf.shape), leaf.shape))
    throw new ShapeError(
      complaint(
        who,
        `tensors that broadcast to y's shape ${formatShape(leaf.shape)}`,
        formatShape(tolerance.shape),
      ),
    );
  const wrong = tolerance.elements?.findIndex((value: number) => !(value >= 0 && value < Infinity));
  if (wrong !== undefined && wrong !== -1)
    throw new ArgumentError(
      complaint(
        who,
        "numbers that are not negative",
        `${tolerance.elements![wrong]} at element ${wrong}`,
      ),
    );
}

/** One tolerance a leaf: a number, or a tensor. Throws ArgumentError for negative or NaN numbers, or a structure other than y's, and as `checkTolerance`. */
export function leafTolerances(
  who: string,
  name: string,
  tolerance: unknown,
  def: TreeDef,
  state: readonly TensorType[],
): readonly (number | Tensor)[] {
  if (typeof tolerance === "number") {
    if (!(tolerance >= 0 && tolerance < Infinity))
      throw new ArgumentError(
        complaint(`${who}: ${name}`, "a number that is not negative", String(tolerance)),
      );
    return Array.from({ length: def.leafCount }, () => tolerance);
  }
  if (tolerance instanceof Tensor) {
    for (const leaf of state) checkTolerance(`${who}: ${name}`, tolerance, leaf);
    return Array.from({ length: def.leafCount }, () => tolerance);
  }
  const given = flatten(`${who}: ${name}`, tolerance);
  if (given.def.key !== def.key)
    throw new ArgumentError(
      complaint(
        `${who}: ${name}`,
        "a number, or a tree of tensors like y",
        `tensors at ${given.def.paths.join(", ")}`,
      ),
    );
  given.leaves.forEach((leaf, index) =>
    checkTolerance(`${who}: ${name}${def.paths[index]}`, leaf, state[index]!),
  );
  return given.leaves;
}
