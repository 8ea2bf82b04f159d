/**
 * @file What optimisers are made of: a chain of transformations, each of which takes gradients one step closer to what is added to
 * the parameters, and rates that are numbers or schedules. All of it is tensor operations, so that a training step compiles to one
 * program.
 */
import { ArgumentError, complaint, describe } from "../base/errors.ts";
import { kind } from "../base/kinds.ts";
import type { Kind } from "../base/options.ts";
import type { Tensor } from "../ir/tensor.ts";
import { type Tree, flatten, mapTree } from "../ir/tree.ts";
import { zerosLike } from "../ops/index.ts";

/** What a transformation makes of updates, and its state for the next step. */
export interface Transformed<T> {
  readonly updates: T;
  readonly state: Tree;
}

/** From updates to updates; the updates at the start of a chain are the gradients. */
export interface Transformation {
  /** The state before the first step: a tree of tensors, [] for none. */
  init(params: unknown): Tree;
  /** `step` is a scalar: the number of steps made before this one. `updates` and `params` are trees of one structure. */
  transform<T>(updates: T, state: Tree, params: T, step: Tensor): Transformed<T>;
}

/** A transformation whose updates are ready to be added to the parameters. */
export interface Optimizer extends Transformation {
  /** The parameters after one step along their gradients, and the state for the next. `step` counts from 0. */
  update<T>(
    gradients: T,
    state: Tree,
    params: T,
    step: Tensor,
  ): { readonly params: T; readonly state: Tree };
}

/**
 * From the number of steps made before (a float64 scalar, 0 at the first step) to a float64 scalar. The schedule is part of the
 * compiled training step, so it branches with `where`, not with `if`.
 */
export type Schedule = (step: Tensor) => Tensor;

/** A fixed number, or a schedule. */
export type Rate = number | Schedule;

/** A learning rate, as options take it. */
export const rate: Kind<Rate> = kind(
  "a finite number of at least 0, or a schedule",
  (given) =>
    typeof given === "function" || (typeof given === "number" && given >= 0 && given < Infinity),
);

/** The number, or the schedule's value, at a step. */
export function rateAt(given: Rate, step: Tensor): number | Tensor {
  return typeof given === "number" ? given : given(step.cast("float64"));
}

/** A transformation without state: `fn` gives the new update of each parameter. */
export function stateless(
  who: string,
  fn: (update: Tensor, parameter: Tensor, step: Tensor) => Tensor,
): Transformation {
  return {
    init: () => [],
    transform: (updates, state, params, step) => ({
      updates: zipTrees(who, updates, [params as Tree], (update, parameter) =>
        fn(update!, parameter!, step),
      ),
      state,
    }),
  };
}

/**
 * A transformation that keeps tensors of the parameters' shapes, under the given names and zero at first. `rule` is called once in
 * a step, for what all parameters share; the function that it returns gives the new update and the new state of each parameter.
 *
 * `stateful("signum", ["mean"], () => (update, { mean }) => { const next = mean.mul(0.9).add(update.mul(0.1)); ... })`
 */
export function stateful<const Name extends string>(
  who: string,
  names: readonly Name[],
  rule: (
    step: Tensor,
  ) => (
    update: Tensor,
    state: Readonly<Record<Name, Tensor>>,
    parameter: Tensor,
  ) => { readonly update: Tensor } & Readonly<Record<Name, Tensor>>,
): Transformation {
  return {
    init: (params) =>
      Object.fromEntries(names.map((name) => [name, mapTree(who, params as Tree, zerosLike)])),
    transform: (updates, state, params, step) => {
      const apply = rule(step);
      const kept = names.map((name) => (state as Readonly<Record<Name, Tree>>)[name]);
      const [next, ...after] = zipTreesMany(
        who,
        1 + names.length,
        updates,
        [params as Tree, ...kept],
        (update, parameter, ...parts) => {
          const named = Object.fromEntries(names.map((name, index) => [name, parts[index]!]));
          const made = apply(update!, named as Record<Name, Tensor>, parameter!);
          return [made.update, ...names.map((name) => made[name])];
        },
      );
      return {
        updates: next!,
        state: Object.fromEntries(names.map((name, index) => [name, after[index] as Tree])),
      };
    },
  };
}

/**
 * Transformations applied in order: `chain(clipByGlobalNorm(1), adam({ learningRate: 1e-3 }))`. The last must be an optimiser or
 * `scaleByLearningRate`, which turn the direction downhill. The state is an array of the members' states.
 * Throws ArgumentError for members that are neither transformations nor optimisers.
 */
export function chain(...members: readonly Transformation[]): Optimizer {
  for (const [index, member] of members.entries())
    if (typeof member?.transform !== "function" || typeof member.init !== "function")
      throw new ArgumentError(
        complaint(`chain: argument ${index}`, "a transformation or an optimiser", describe(member)),
      );
  const transform = <T>(updates: T, state: Tree, params: T, step: Tensor): Transformed<T> => {
    const states = state as readonly Tree[];
    const after: Tree[] = [];
    let result = updates;
    for (const [index, member] of members.entries()) {
      const part = member.transform(result, states[index]!, params, step);
      result = part.updates;
      after.push(part.state);
    }
    return { updates: result, state: after };
  };
  return {
    init: (params) => members.map((member) => member.init(params)),
    transform,
    update: (gradients, state, params, step) => {
      const { updates, state: after } = transform(gradients, state, params, step);
      return {
        params: zipTrees("update", params, [updates as Tree], (parameter, update) =>
          parameter!.add(update!),
        ),
        state: after,
      };
    },
  };
}

/** The tree of `fn` applied to the leaves at each place of several trees, in the structure of the first. */
export function zipTrees<T>(
  who: string,
  first: T,
  others: readonly Tree[],
  fn: (...leaves: Tensor[]) => Tensor,
): T {
  return zipTreesMany(who, 1, first, others, (...leaves) => [fn(...leaves)])[0]!;
}

/** As `zipTrees`, for a function of several results: one tree for each of them. */
function zipTreesMany<T>(
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
        `a tree of ${leafCount} tensors, one for each parameter`,
        `one of ${leaves.length}`,
        "Pass the state that init or the last update returned.",
      ),
    );
  return leaves;
}
