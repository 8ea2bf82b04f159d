/** @file Transformations of functions of trees: `grad` and `valueAndGrad`, `vjp`, `jvp`. */
import { callWith } from "../ir/call.ts";
import { isFloat } from "../ir/dtype.ts";
import { ArgumentError, DTypeError, ShapeError, complaint, describe } from "../base/errors.ts";
import { checkOptions } from "../base/options.ts";
import { formatShape } from "../ir/shape.ts";
import { Tensor } from "../ir/tensor.ts";
import type { TreeDef } from "../ir/tree.ts";
import { ones, zerosLike } from "../ops/creation.ts";
import {
  type FlatArguments,
  asOneGraph,
  flattenArguments,
  nameOf,
  traceTrees,
  matchingLeaves,
  rebuildArguments,
} from "./arguments.ts";
import { vjpGraph, type GraphVjp, jvpGraph } from "./graph-derivatives.ts";
import { typeOf } from "../ir/graph.ts";
import { currentTrace, evaluateGraph } from "../ir/trace.ts";
import type { Derivative } from "../ops/rules.ts";

/** Which arguments to differentiate: one, whose gradient is returned, or a list, for a list of gradients. Negative numbers count from the end. */
export type Argnums = number | readonly number[];

/** The gradients for `Argnums`: each has the structure of its argument. */
export type Gradients<A extends readonly unknown[], N extends Argnums> = N extends number
  ? A[N]
  : N extends readonly number[]
    ? { -readonly [K in keyof N]: A[N[K] & keyof A] }
    : never;

/** Options of `grad` and `valueAndGrad`. */
export interface GradOptions<N extends Argnums = Argnums> {
  /** 0 by default. */
  readonly argnums?: N;
}

/**
 * The function that returns `fn`'s value and its gradients by the arguments `argnums` (the first, unless given). `fn` returns a float
 * scalar or, with `hasAux`, a pair of it and any tree, which is not differentiated: the result is then [[value, aux], gradients].
 * Tensors that `fn` closes over count as constants here; an outer transformation that traces them differentiates them.
 * Throws ShapeError for a value that is not a scalar, DTypeError for a differentiated leaf that is not a float, ArgumentError for
 * argnums that name no argument.
 */
export function valueAndGrad<A extends unknown[], X, const N extends Argnums = 0>(
  fn: (...args: A) => [Tensor, X],
  options: GradOptions<N> & { readonly hasAux: true },
): (...args: A) => [[Tensor, X], Gradients<A, N>];
export function valueAndGrad<A extends unknown[], const N extends Argnums = 0>(
  fn: (...args: A) => Tensor,
  options?: GradOptions<N> & { readonly hasAux?: false },
): (...args: A) => [Tensor, Gradients<A, N>];
export function valueAndGrad(
  fn: (...args: never[]) => unknown,
  options: GradOptions & { readonly hasAux?: boolean } = {},
): (...args: unknown[]) => [unknown, unknown] {
  const who = nameOf(fn, "grad");
  checkOptions(who, options, ["argnums", "hasAux"]);
  const { argnums = 0, hasAux = false } = options;
  if (typeof argnums !== "number" && !Array.isArray(argnums))
    throw new ArgumentError(
      complaint(`${who}: argnums`, "a number or an array of numbers", describe(argnums)),
    );
  return (...args) => {
    const numbers = resolve(who, argnums, args.length);
    const flat = flattenArguments(who, args);
    const wanted = differentiatedLeaves(who, flat, numbers);
    let result: TreeDef | undefined;
    const tensors = asOneGraph((leaves) => {
      const traced = traceTrees(who, (...given) => withAux(who, callWith(who, fn, given), hasAux), {
        ...flat,
        leaves: [...leaves],
      });
      result = traced.result;
      const wrt = leaves.map((_, i) => wanted.has(i));
      const { outputs, pullback } = vjpGraph(traced.graph, [...leaves, ...traced.captured], wrt);
      const value = outputs[0]!;
      const gradients = pullback([ones([], { dtype: value.dtype })]);
      return [...outputs, ...[...wanted].map((i) => gradients[i] ?? zerosLike(leaves[i]!))];
    }, flat.leaves);
    const count = result!.leafCount;
    const [value, aux] = result!.rebuild(tensors.slice(0, count)) as [Tensor, unknown];
    const byLeaf = new Map([...wanted].map((leaf, i) => [leaf, tensors[count + i]!]));
    const gradients = numbers.map((n) =>
      flat.defs[n]!.rebuild(leavesOf(flat, n).map((leaf) => byLeaf.get(leaf)!)),
    );
    return [hasAux ? [value, aux] : value, typeof argnums === "number" ? gradients[0] : gradients];
  };
}

/** The function that returns `fn`'s gradients: `valueAndGrad` without the value. */
export function grad<A extends unknown[], const N extends Argnums = 0>(
  fn: (...args: A) => Tensor,
  options?: GradOptions<N>,
): (...args: A) => Gradients<A, N> {
  const both = valueAndGrad<A, N>(fn, options);
  return (...args) => both(...args)[1];
}

/** The numbers of an argument's leaves among all leaves. */
function leavesOf({ starts }: FlatArguments, argument: number): number[] {
  const first = starts[argument]!;
  return Array.from({ length: starts[argument + 1]! - first }, (_, i) => first + i);
}

function resolve(who: string, argnums: Argnums, count: number): number[] {
  const list = typeof argnums === "number" ? [argnums] : [...argnums];
  return list.map((n) => {
    if (!Number.isInteger(n) || n < -count || n >= count)
      throw new ArgumentError(
        complaint(
          who,
          `argnums among its ${count} arguments`,
          String(n),
          "Was an argument left out?",
        ),
      );
    return n < 0 ? n + count : n;
  });
}

function differentiatedLeaves(
  who: string,
  flat: FlatArguments,
  numbers: readonly number[],
): Set<number> {
  const wanted = new Set<number>();
  for (const n of numbers)
    for (const leaf of leavesOf(flat, n)) {
      const { dtype } = flat.leaves[leaf]!;
      if (!isFloat(dtype))
        throw new DTypeError(
          complaint(
            who,
            "float leaves in differentiated arguments",
            `${dtype} at argument ${n}${flat.defs[n]!.paths[leaf - flat.starts[n]!]}`,
            "Choose other argnums, or cast.",
          ),
        );
      wanted.add(leaf);
    }
  return wanted;
}

/** The value, checked, and what comes along. */
function withAux(who: string, result: unknown, hasAux: boolean): [Tensor, unknown] {
  if (!hasAux) return [checkScalar(who, result), []];
  if (!Array.isArray(result) || result.length !== 2)
    throw new ArgumentError(
      complaint(who, "a function that returns [value, aux], as hasAux says", describe(result)),
    );
  return [checkScalar(who, result[0]), result[1]];
}

function checkScalar(who: string, value: unknown): Tensor {
  if (!(value instanceof Tensor))
    throw new ArgumentError(
      complaint(
        who,
        "a function that returns a scalar tensor",
        describe(value),
        "For more outputs use hasAux or vjp.",
      ),
    );
  if (value.rank !== 0)
    throw new ShapeError(
      complaint(
        who,
        "a function that returns a scalar",
        `shape ${formatShape(value.shape)}`,
        "Reduce it with sum() or mean(), or use vjp.",
      ),
    );
  if (!isFloat(value.dtype))
    throw new DTypeError(
      complaint(who, "a function that returns a float", value.dtype, "Use cast."),
    );
  return value;
}

/**
 * `fn`'s result, and its pullback: from a cotangent shaped like the result to one gradient per argument, each with the structure of
 * its argument; the gradient of a leaf that is not a float is zeros. The pullback may be called any number of times: outside every
 * trace, each call runs one graph that computes what it needs of `fn` again. Throws ArgumentError if an argument or the result is not
 * a tree of tensors; the pullback throws ArgumentError, ShapeError or DTypeError if the cotangent differs from the result in structure,
 * shape or dtype.
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

/**
 * `fn`'s result at `args`, and its derivative along `tangents`: one per argument, shaped like it (undefined: zero). Tangents of leaves
 * that are not floats are ignored; results that are not floats have zero tangents. Throws ArgumentError, ShapeError or DTypeError if a
 * tangent differs from its argument in structure, shape or dtype.
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
        `${args.length} tangents (one per argument)`,
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
