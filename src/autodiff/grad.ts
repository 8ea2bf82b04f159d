/** @file Gradients of scalar functions. */
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
} from "./arguments.ts";
import { vjpGraph } from "./vjp-graph.ts";

/** Which arguments to differentiate: one (its gradient is returned) or a list (a list of gradients is). Negative counts from the end. */
export type Argnums = number | readonly number[];

/** Gradients for `Argnums`: each has the structure of its argument. */
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
 * The function that returns `fn`'s value and gradients. `fn` returns a float scalar; with `hasAux`, a pair of it and any tree
 * that comes along undifferentiated: the result is then [[value, aux], gradients].
 * Tensors that `fn` closes over are constants here, and differentiated by an outer transformation if it traces them.
 * ShapeError for a value that is no scalar, DTypeError for a differentiated leaf that is no float, ArgumentError for argnums.
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
      flat.defs[n]!.rebuild(
        range(flat.starts[n]!, flat.starts[n + 1]!).map((leaf) => byLeaf.get(leaf)!),
      ),
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

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
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
    for (const leaf of range(flat.starts[n]!, flat.starts[n + 1]!)) {
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
