/** @file `evaluate` and `predict`: a model over a whole dataset. */
import { checkOptions } from "../../base/options.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { type Tree, flatten } from "../../ir/tree.ts";
import {
  Evaluator,
  type Metrics,
  Predictor,
  type Reading,
  checkMetrics,
  checkTargets,
  forwardOf,
  readData,
} from "./evaluator.ts";

/** Options of `evaluate`. */
export interface EvaluateOptions<M, B> extends Reading<M, B> {
  /** Samples in a batch: 128 unless given. */
  readonly batchSize?: number;
}

/** Options of `predict`. */
export interface PredictOptions<M, B, R extends Tree> {
  /** Samples in a batch: 128 unless given. */
  readonly batchSize?: number;
  /** The model's output for a batch, a tree of tensors: `model.forward(batch.x)`, or of the batch itself, unless given. */
  readonly output?: (model: M, batch: B) => R;
}

/** What was compiled last, by what it was compiled for: calls that differ in parameters alone share a program. */
const kept: { readonly key: readonly unknown[]; readonly made: unknown }[] = [];
const mostKept = 8;

function reuse<T>(key: readonly unknown[], make: () => T): T {
  const at = kept.findIndex(
    (one) => one.key.length === key.length && one.key.every((part, index) => part === key[index]),
  );
  const entry = at === -1 ? { key, made: make() } : kept.splice(at, 1)[0]!;
  kept.unshift(entry);
  kept.length = Math.min(kept.length, mostKept);
  return entry.made as T;
}

/**
 * Metrics of a model (a module or any tree of tensors) over a dataset (a tree of tensors of equal first extents), in batches:
 * `evaluate(model, { x, y }, { accuracy: nn.metrics.accuracy })`. Means are weighted by the batches' sizes, counting metrics add
 * their counts: results do not depend on the size of batches beyond rounding. Models of one structure share a compiled program,
 * a smaller last batch has another. Throws ArgumentError for labels that the outputs have no place for, ShapeError for metrics
 * that are no scalars.
 */
export function evaluate<M, B>(
  model: M,
  data: B,
  metrics: Metrics,
  options: EvaluateOptions<M, B> = {},
): Record<string, number> {
  const who = "evaluate";
  checkOptions(who, options, ["batchSize", "output", "target"]);
  const { batchSize = 128, output, target } = options;
  checkMetrics(who, metrics);
  const dataset = readData(who, data, batchSize);
  checkTargets(who, model, dataset, options);
  const key = [who, flatten(who, model).def.key, output, target, ...Object.entries(metrics).flat()];
  const evaluator = reuse(key, () => new Evaluator<M, B>(who, metrics, options));
  const steps = evaluator.steps(model, dataset, batchSize);
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return step.value;
}

/**
 * A model's outputs for a dataset (a tensor of inputs, or a tree with them at `.x`), in batches, joined along the first axis.
 * Compiled as for `evaluate`. Throws ShapeError for outputs whose first axis does not count samples.
 */
export function predict<M, B, R extends Tree = Tensor>(
  model: M,
  data: B,
  options: PredictOptions<M, B, R> = {},
): R {
  const who = "predict";
  checkOptions(who, options, ["batchSize", "output"]);
  const { batchSize = 128, output = forwardOf as (model: M, batch: B) => unknown as never } =
    options;
  const dataset = readData(who, data, batchSize);
  const key = [who, flatten(who, model).def.key, output];
  return reuse(key, () => new Predictor<M, B, R>(output)).all(who, model, dataset, batchSize);
}
