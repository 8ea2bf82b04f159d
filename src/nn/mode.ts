/** @file Modes: whether a forward pass trains, the random key it draws from, and where new values of state go. */
import { ArgumentError, TraceError, complaint, describe } from "../base/errors.ts";
import { sameShape } from "../ir/shape.ts";
import { Tensor } from "../ir/tensor.ts";
import { currentTrace } from "../ir/trace.ts";
import { childKey } from "./large.ts";
import type { GraphLayer } from "./graph/symbolic.ts";
import type { TensorOrList } from "./shapes.ts";

/** What a forward pass is for. Layers that do the same in training and inference ignore it. */
export interface Mode {
  /** Whether dropout drops, and batch normalisation uses the batch's own statistics. */
  readonly training: boolean;
  /** Random key, int32 [2]: models give each of their layers another one made of it. */
  readonly key?: Tensor;
  /**
   * Says that a state tensor of a layer (`stateFields`) shall have another value after the step. Absent where state cannot
   * change: in inference, and inside a solve, which runs the layer any number of times.
   */
  update?(variable: Tensor, value: Tensor): void;
  /** The value that a state tensor has by now: the latest that `update` got in this pass, or the tensor itself. */
  latest?(variable: Tensor): Tensor;
  /**
   * Sees what every layer of a model gives, at any depth, each time it is applied and in the order of computation: a layer of
   * layers after those in it. Not what runs inside a solve.
   */
  watch?(layer: GraphLayer, output: TensorOrList): void;
}

/** The mode of models in use, and of `forward(x)` without a mode: nothing is drawn, and no state changes. */
export const inference: Mode = Object.freeze({ training: false });

/** An open collection of updates, and the trace it belongs to. */
interface Collector {
  readonly trace: object | undefined;
  readonly updates: Map<Tensor, Tensor>;
}

let collector: Collector | undefined;

/** Calls `fn` and collects what modes of `training` are told meanwhile: the new value of each state tensor. */
export function collectUpdates<R>(fn: () => R): {
  readonly result: R;
  readonly updates: Map<Tensor, Tensor>;
} {
  const outer = collector;
  const updates = new Map<Tensor, Tensor>();
  collector = { trace: currentTrace(), updates };
  try {
    return { result: fn(), updates };
  } finally {
    collector = outer;
  }
}

/**
 * The mode of training: `model.forward(x, nn.training(key))`. Without a key layers that draw (dropout) throw ArgumentError.
 * State that changes (the moving statistics of batchNorm) goes to the trainer whose step is being traced; elsewhere it is dropped.
 * Throws ArgumentError for what is not a random key.
 */
export function training(key?: Tensor): Mode {
  if (
    key !== undefined &&
    (!(key instanceof Tensor) || key.dtype !== "int32" || !sameShape(key.shape, [2]))
  )
    throw new ArgumentError(
      complaint("training: key", "a random key (random.key(seed))", describe(key)),
    );
  return { training: true, ...(key !== undefined && { key }), update, latest };
}

function update(variable: Tensor, value: Tensor): void {
  if (collector === undefined) return;
  if (collector.trace !== currentTrace())
    throw new TraceError(
      "training: expected state to change once a step, got a change inside a solve, scan, jvp or inner grad of the loss. " +
        "Run the layers there with inference, or with a mode without `update` and with layers that have no state (layerNorm, groupNorm).",
    );
  collector.updates.set(variable, value);
}

function latest(variable: Tensor): Tensor {
  return collector?.updates.get(variable) ?? variable;
}

/** Whether a mode is one of training. Throws ArgumentError naming `who` for what is not a mode, such as Keras' `true`. */
export function isTraining(who: string, mode: Mode | undefined): mode is Mode {
  if (mode === undefined) return false;
  if (typeof (mode as Partial<Mode> | null)?.training !== "boolean")
    throw new ArgumentError(
      complaint(
        `${who}: mode`,
        "nn.inference or nn.training(key)",
        describe(mode),
        "Without a mode it is inference.",
      ),
    );
  return mode.training;
}

/** The mode for the `index`-th part of a model: the same with a key of its own, made when it is asked for. */
export function childMode(mode: Mode | undefined, index: number): Mode {
  if (mode === undefined) return inference;
  if (!isTraining("forward", mode) || !("key" in mode)) return mode;
  return {
    training: true,
    get key(): Tensor {
      return childKey(mode.key!, index);
    },
    ...(mode.update && { update: mode.update }),
    ...(mode.latest && { latest: mode.latest }),
    ...(mode.watch && { watch: mode.watch }),
  };
}

/** The same mode for a place where state cannot change, such as the inside of a solve. The key is made at once. */
export function withoutUpdates(mode: Mode | undefined): Mode {
  if (!isTraining("forward", mode)) return inference;
  const { key } = mode;
  return { training: true, ...(key !== undefined && { key }) };
}

/** What a layer of a model gave, after the mode's `watch` has seen it. */
export function watched<T extends TensorOrList>(
  mode: Mode | undefined,
  layer: GraphLayer,
  output: T,
): T {
  mode?.watch?.(layer, output);
  return output;
}
