/** @file The trainer: a model, its loss and an optimiser as one compiled step whose state stays in kernel memory. */
import { valueAndGrad } from "../autodiff/index.ts";
import { jit } from "../compile/jit.ts";
import { resident } from "../compile/resident.ts";
import { isFloat } from "../ir/dtype.ts";
import { ArgumentError, DTypeError, ShapeError, complaint, describe } from "../base/errors.ts";
import { checkOptions } from "../base/options.ts";
import { formatShape } from "../ir/shape.ts";
import { Tensor, concreteElements } from "../ir/tensor.ts";
import type { Tree } from "../ir/tree.ts";
import { type Mode, collectUpdates, inference, training } from "../nn/mode.ts";
import { random, tensor } from "../ops/index.ts";
import { type TensorsByPath, takeParameters } from "./parameters.ts";
import { updatedVariables } from "./variables.ts";
import type { Optimizer } from "./transformation.ts";

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

/** Options of `trainer`. */
export interface TrainerOptions {
  /** Seed of the random key that the loss gets as its third argument: 0 unless given. */
  readonly seed?: number;
  /**
   * Which parameters to train, by path and value: all float ones unless given. The others stay as they are, and so do those of
   * layers whose `trainable` is false, in any case.
   */
  readonly trainable?: (path: string, parameter: Tensor) => boolean;
}

/**
 * The loss of a model on a batch: a float scalar. The key is another one each step. `mode` is for the model's `forward`:
 * `training(key)` in a step, `inference` in `evaluate`.
 */
export type Loss<M, B> = (model: M, batch: B, key: Tensor, mode: Mode) => Tensor;

/** A model in training. */
export interface Trainer<M, B> {
  /**
   * One step: loss, gradients and update, compiled once for each shape of batch (a tree of tensors). Gives the loss before the
   * update. Throws ArgumentError naming the path of what is no tensor in the batch, and whatever the loss throws while it is traced.
   */
  step(batch: B): number;
  /** The loss on a batch as the model is now, in the mode of inference. Nothing changes. */
  evaluate(batch: B): number;
  /** The model with its parameters as they are now. */
  readonly model: M;
  /** Steps made. */
  readonly steps: number;
  /** A copy of all that training continues from; `restore` takes it back, and goes on to the same bits. */
  readonly state: TrainerState;
  /**
   * Continues from a state of a trainer of the same model and optimiser. Throws ArgumentError if it is of another. A state
   * without `variables`, as former versions made them, does for models that have none.
   */
  restore(state: TrainerState): void;
  /** The graph, kernels and memory plan of a step on a batch like this, as text. */
  explain(batch: B): string;
}

/**
 * A trainer for a model (a module or any tree of tensors): `trainer(model, (model, batch) => ..., adam())`. The model given is
 * left alone. A tensor found at several places of the model is one parameter. Parameters that are not trained are read when a
 * step is compiled, and are not part of `state`. State of layers (`stateFields`) is: it is not trained, and takes the values
 * that layers give it in a mode of `training`; those are in `model`, `state` and checkpoints.
 */
// Without a type for its batch a loss may do with it what it likes, as in the examples: hence `any`.
// oxlint-disable-next-line typescript/no-explicit-any
export function trainer<M, B = any>(
  model: M,
  loss: Loss<M, B>,
  optimizer: Optimizer,
  options: TrainerOptions = {},
): Trainer<M, B> {
  checkOptions("trainer", options, ["seed", "trainable"]);
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
  const { parameters, variables, assemble } = takeParameters(who, model, options.trainable);
  for (const [path, value] of [...Object.entries(parameters), ...Object.entries(variables)])
    concreteElements(value, `${who} at ${path}`);

  const initial: TrainerState = {
    parameters,
    variables,
    optimizer: optimizer.init(parameters),
    step: tensor(0, { dtype: "int32" }),
    key: random.key(options.seed ?? 0),
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
    explain: (batch) => program.explain(batch),
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
