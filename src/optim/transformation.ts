/**
 * @file Optimisers as chains of small transformations, each from gradients to something better to add to the parameters.
 * All of it is tensor operations on leaves, so that a training step compiles to one program.
 */
import { ArgumentError, complaint, describe } from "../base/errors.ts";
import type { Tensor } from "../ir/tensor.ts";
import type { Tree } from "../ir/tree.ts";
import { zipTrees } from "./zip-trees.ts";

/** What a transformation or an optimiser makes of updates. */
export interface Transformed<T> {
  readonly updates: T;
  readonly state: Tree;
}

/** From updates (gradients, at the start of a chain) to updates. */
export interface Transformation {
  /** The state before the first step: a tree, [] for none. */
  init(params: unknown): Tree;
  /** `step` is a scalar: how many steps were made before this one. Trees have the structure of the parameters. */
  transform<T>(updates: T, state: Tree, params: T, step: Tensor): Transformed<T>;
}

/** A transformation whose updates are ready to be added to the parameters. */
export interface Optimizer extends Transformation {
  /** Parameters after a step along their gradients, and the state for the next. `step` counts from 0. */
  update<T>(
    gradients: T,
    state: Tree,
    params: T,
    step: Tensor,
  ): { readonly params: T; readonly state: Tree };
}

/** A transformation of leaves without a state of its own. */
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
 * Transformations applied in order: `chain(clipByGlobalNorm(1), adam({ learningRate: 1e-3 }))`. Its last must be an optimiser or
 * `scaleByLearningRate`: something that turns the direction downhill. The state is an array of the members' states.
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

/** Throws ArgumentError unless `low <= value < high`. */
export function checkRange(who: string, value: number, low: number, high: number): void {
  if (!(typeof value === "number" && value >= low && value < high))
    throw new ArgumentError(
      complaint(
        who,
        high === Infinity ? `a finite number of at least ${low}` : `a number in [${low}, ${high})`,
        describe(value),
      ),
    );
}
