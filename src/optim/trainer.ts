/**
 * @file The trainer: a model, its loss and an optimiser as one compiled step whose state stays in kernel memory. First the trainer,
 * then how a model is taken apart into what is trained, the state of its layers, and the rest.
 */
import { valueAndGrad } from "../autodiff/index.ts";
import { ArgumentError, DTypeError, ShapeError, complaint, describe } from "../base/errors.ts";
import { callback, whole } from "../base/kinds.ts";
import { type OptionsOf, optional, schema } from "../base/options.ts";
import { jit } from "../compile/jit.ts";
import { resident } from "../compile/resident.ts";
import { isFloat } from "../ir/dtype.ts";
import { formatShape, sameShape } from "../ir/shape.ts";
import { Tensor, concreteElements } from "../ir/tensor.ts";
import { type Tree, flatten } from "../ir/tree.ts";
import { type Mode, collectUpdates, inference, training } from "../nn/mode.ts";
import { rolesOf } from "../nn/module.ts";
import { random, tensor } from "../ops/index.ts";
import type { Optimizer } from "./transformation.ts";

/** Tensors by the path that leads to them. */
export type TensorsByPath = Readonly<Record<string, Tensor>>;

/** All that training continues from. */
export type TrainerState = {
  /** What is trained, by the path that leads to it in the model. */
  readonly parameters: TensorsByPath;
  /** State of layers that training changes other than by gradients (moving statistics), by path; {} where there is none. */
  readonly variables: TensorsByPath;
  readonly optimizer: Tree;
  /** Steps made, an int32 scalar. */
  readonly step: Tensor;
  /** Random key from which each step folds its own, int32 [2]. */
  readonly key: Tensor;
};

/** The seed of the random keys that a loss gets. */
export const seed = whole(0);

const trainerSchema = schema({
  seed: optional(seed, 0, "Seed of the random key that the loss gets as its third argument."),
  trainable: optional(
    callback<(path: string, parameter: Tensor) => boolean>(),
    undefined,
    "Which float parameters to train, by path and value: all unless given. Layers whose trainable is false stay as they are anyway.",
  ),
});

/** Options of `trainer`. */
export type TrainerOptions = OptionsOf<typeof trainerSchema.spec>;

/**
 * The loss of a model on a batch: a float scalar. Each step gets another key. `mode` is for the model's `forward`: `training(key)`
 * in a step, `inference` in `evaluate`.
 */
export type Loss<M, B> = (model: M, batch: B, key: Tensor, mode: Mode) => Tensor;

/** A model in training. */
export interface Trainer<M, B> {
  /**
   * One step: loss, gradients and update, compiled once for each shape of batch (a tree of tensors). Returns the loss before the
   * update. Throws ArgumentError naming the path of what is not a tensor in the batch, and whatever the loss throws while it is
   * traced.
   */
  step(batch: B): number;
  /** The loss on a batch with the model as it is now, in inference mode. Changes nothing. */
  evaluate(batch: B): number;
  /** The model with its parameters as they are now. */
  readonly model: M;
  /** Steps made. */
  readonly steps: number;
  /** A copy of everything that training continues from; after `restore` it continues to the same bits. */
  readonly state: TrainerState;
  /**
   * Continues from the state of a trainer of the same model and optimiser. Throws ArgumentError for the state of another one.
   * States of earlier versions have no `variables`; they fit models without any.
   */
  restore(state: TrainerState): void;
  /** The graph, the kernels and the memory plan of a step on a batch like this, as text. */
  listing(batch: B): string;
}

/**
 * A trainer for a model (a module or any tree of tensors): `trainer(model, (model, batch) => ..., adam())`. The given model is left
 * alone. A tensor at several places of the model is one parameter. Parameters that are not trained are read when a step is compiled,
 * and are not part of `state`. The state of layers (`stateFields`) is: it takes the values that layers give it in training mode.
 * Throws ArgumentError for options out of range and for a model without a parameter to train.
 */
// A loss whose batch has no type may use it as it likes, as in the examples: hence `any`.
// oxlint-disable-next-line typescript/no-explicit-any
export function trainer<M, B = any>(
  model: M,
  loss: Loss<M, B>,
  optimizer: Optimizer,
  options: TrainerOptions = {},
): Trainer<M, B> {
  const settings = trainerSchema.read("trainer", options);
  if (typeof loss !== "function")
    throw new ArgumentError(
      complaint("trainer: loss", "a function of model and batch", describe(loss)),
    );
  if (typeof optimizer?.update !== "function")
    throw new ArgumentError(
      complaint(
        "trainer: optimizer",
        "an optimiser, such as adam()",
        describe(optimizer),
        typeof optimizer === "function" ? "Call it: adam() rather than adam." : undefined,
      ),
    );
  const who = "trainer: model";
  const { parameters, variables, assemble } = takeParameters(who, model, settings.trainable);
  for (const [path, value] of [...Object.entries(parameters), ...Object.entries(variables)])
    concreteElements(value, `${who} at ${path}`);

  const initial: TrainerState = {
    parameters,
    variables,
    optimizer: optimizer.init(parameters),
    step: tensor(0, { dtype: "int32" }),
    key: random.key(settings.seed),
  };
  const program = resident((state: TrainerState, batch: B) => {
    const key = random.foldIn(state.key, state.step);
    const lossOf = (params: TensorsByPath): [Tensor, TensorsByPath] => {
      const now = assemble(params, state.variables);
      const { result, updates } = collectUpdates(() => loss(now, batch, key, training(key)));
      return [checkLoss(result), updatedVariables(state.variables, updates)];
    };
    const [[output, after], gradients] = valueAndGrad(lossOf, { hasAux: true })(state.parameters);
    const updated = optimizer.update(gradients, state.optimizer, state.parameters, state.step);
    return {
      state: {
        parameters: updated.params,
        variables: after,
        optimizer: updated.state,
        step: state.step.add(1),
        key: state.key,
      },
      output,
    };
  }, initial);
  const evaluate = jit((state: Omit<TrainerState, "optimizer">, batch: B) => {
    const key = random.foldIn(state.key, state.step);
    const now = assemble(state.parameters, state.variables);
    return checkLoss(collectUpdates(() => loss(now, batch, key, inference)).result);
  });
  let steps = 0;

  return {
    step(batch) {
      const value = program.call(batch);
      steps++;
      return value.item();
    },
    evaluate(batch) {
      const { optimizer: _, ...state } = program.state;
      return evaluate(state, batch).item();
    },
    get model() {
      return assemble(program.state.parameters, program.state.variables);
    },
    get steps() {
      return steps;
    },
    get state() {
      return program.state;
    },
    restore(state) {
      const { variables: given = {} } = state as Partial<TrainerState>;
      program.state = { ...state, variables: given };
      steps = state.step.item();
    },
    listing: (batch) => program.listing(batch),
  };
}

function checkLoss(value: unknown): Tensor {
  if (!(value instanceof Tensor))
    throw new ArgumentError(
      complaint("trainer: loss", "a scalar tensor", describe(value), "Return the loss."),
    );
  if (value.rank !== 0)
    throw new ShapeError(
      complaint(
        "trainer: loss",
        "a scalar",
        `shape ${formatShape(value.shape)}`,
        "Reduce it with mean() or sum().",
      ),
    );
  if (!isFloat(value.dtype))
    throw new DTypeError(complaint("trainer: loss", "a float", value.dtype, "Use cast."));
  return value;
}

/** A model taken apart. */
interface TakenParameters<M> {
  /** What is trained, by path. */
  readonly parameters: TensorsByPath;
  /** State that layers change in training (moving statistics, for example), by path. */
  readonly variables: TensorsByPath;
  /** The model with other parameters and variables. */
  assemble(parameters: TensorsByPath, variables: TensorsByPath): M;
}

/**
 * Takes a model apart: its float leaves that are neither state nor frozen and that `trainable` accepts, and its state. A tensor at
 * several places is one parameter under its first path, so that shared weights stay shared. Throws ArgumentError naming `who`.
 */
function takeParameters<M>(
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

/** A leaf's path as a name: without the leading dot, and `tensor` where the tree is the leaf. */
export function pathName(path: string): string {
  return path === "" ? "tensor" : path.replace(/^\./, "");
}

/**
 * The variables after the updates that layers asked for. Throws ArgumentError for the update of a tensor that is not state of the
 * model, ShapeError or DTypeError where the new value has another shape or dtype.
 */
function updatedVariables(
  variables: TensorsByPath,
  updates: ReadonlyMap<Tensor, Tensor>,
): TensorsByPath {
  const known = new Set(Object.values(variables));
  for (const variable of updates.keys())
    if (!known.has(variable))
      throw new ArgumentError(
        complaint(
          "trainer: update",
          "a state tensor of the model in training",
          variable.toString(),
          "Name its field in stateFields, and call the model that the loss is given.",
        ),
      );
  return Object.fromEntries(
    Object.entries(variables).map(([path, variable]) => {
      const value = updates.get(variable) ?? variable;
      const who = `trainer: update of ${path}`;
      if (!sameShape(value.shape, variable.shape))
        throw new ShapeError(
          complaint(who, `shape ${formatShape(variable.shape)}`, formatShape(value.shape)),
        );
      if (value.dtype !== variable.dtype)
        throw new DTypeError(complaint(who, variable.dtype, value.dtype, "Use cast."));
      return [path, value];
    }),
  );
}
