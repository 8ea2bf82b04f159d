/**
 * @file `evaluate` and `predict`: a model over a whole dataset, batch by batch, compiled once for a structure of models and a size
 * of batches. First what users call, then the evaluator, which `fit` uses for validation too.
 */
import { ArgumentError, ShapeError, complaint, describe } from "../base/errors.ts";
import { callback, count } from "../base/kinds.ts";
import { type OptionsOf, optional, schema } from "../base/options.ts";
import { jit } from "../compile/jit.ts";
import { type TypedArray, allocate } from "../ir/dtype.ts";
import { formatShape } from "../ir/shape.ts";
import { Tensor } from "../ir/tensor.ts";
import { trace, untraced } from "../ir/trace.ts";
import { type Tree, flatten } from "../ir/tree.ts";
import { checkLabels } from "../nn/losses.ts";
import type { CountingMetric, Metric } from "../nn/metrics.ts";
import { type Dataset, datasetOf } from "./data/dataset.ts";

/** Metrics by the names that results give them. */
export type Metrics = Readonly<Record<string, Metric | CountingMetric>>;

/** The options that lead from a model and a batch to what metrics compare. */
export function readingSpec<M, B>() {
  return {
    output: optional(
      callback<(model: M, batch: B) => Tensor>(),
      undefined,
      "The model's output for a batch: model.forward(batch.x) unless given, or model.forward(batch) where the batch is a tensor.",
    ),
    target: optional(
      callback<(batch: B) => Tensor>(),
      undefined,
      "What the output should be: batch.y unless given.",
    ),
  };
}

/** How to get from a model and a batch to what metrics compare. */
export type Reading<M, B> = OptionsOf<ReturnType<typeof readingSpec<M, B>>>;

const batchSize = optional(count, 128, "Number of samples in a batch.");

const evaluateSpec = <M, B>() => ({ batchSize, ...readingSpec<M, B>() });

/** Options of `evaluate`. */
export type EvaluateOptions<M, B> = OptionsOf<ReturnType<typeof evaluateSpec<M, B>>>;

const predictSpec = <M, B, R extends Tree>() => ({
  batchSize,
  output: optional(
    callback<(model: M, batch: B) => R>(),
    undefined,
    "The model's output for a batch, a tree of tensors: model.forward(batch.x), or of the batch itself, unless given.",
  ),
});

/** Options of `predict`. */
export type PredictOptions<M, B, R extends Tree> = OptionsOf<
  ReturnType<typeof predictSpec<M, B, R>>
>;

/** The programs of the last calls, by what they were compiled for: calls that differ in parameters alone share a program. */
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
 * `evaluate(model, { x, y }, { accuracy: nn.metrics.accuracy })`. Means are weighted by the batches' sizes and counting metrics add
 * their counts, so that results depend on the batch size by rounding only. Models of one structure share a compiled program; a
 * smaller last batch has another. Throws ArgumentError for options out of range and for labels that the outputs have no class for,
 * ShapeError for metrics that are not scalars.
 */
export function evaluate<M, B>(
  model: M,
  data: B,
  metrics: Metrics,
  options: EvaluateOptions<M, B> = {},
): Record<string, number> {
  const who = "evaluate";
  const settings = schema(evaluateSpec<M, B>()).read(who, options);
  const { output, target } = settings;
  checkMetrics(who, metrics);
  const dataset = datasetOf(who, data);
  checkTargets(who, model, dataset, settings);
  const key = [who, flatten(who, model).def.key, output, target, ...Object.entries(metrics).flat()];
  const evaluator = reuse(key, () => new Evaluator<M, B>(who, metrics, settings));
  const steps = evaluator.steps(model, dataset, settings.batchSize);
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return step.value;
}

/**
 * A model's outputs for a dataset (a tensor of inputs, or a tree with them at `.x`), in batches, joined along the first axis.
 * Compiled as for `evaluate`. Throws ArgumentError for options out of range, ShapeError for outputs whose first axis does not count
 * samples.
 */
export function predict<M, B, R extends Tree = Tensor>(
  model: M,
  data: B,
  options: PredictOptions<M, B, R> = {},
): R {
  const who = "predict";
  const settings = schema(predictSpec<M, B, R>()).read(who, options);
  const { output = forwardOf as (model: M, batch: B) => unknown as never } = settings;
  const dataset = datasetOf(who, data);
  const key = [who, flatten(who, model).def.key, output];
  return reuse(key, () => new Predictor<M, B, R>(output)).all(
    who,
    model,
    dataset,
    settings.batchSize,
  );
}

/** `model.forward(batch.x)`; throws ArgumentError naming what is missing. */
function forwardOf(model: unknown, batch: unknown): Tensor {
  const { forward } = (model ?? {}) as { forward?: (x: Tensor) => Tensor };
  if (typeof forward !== "function")
    throw new ArgumentError(
      complaint("model", "forward(x)", describe(model), "Give `output: (model, batch) => ...`."),
    );
  const x = batch instanceof Tensor ? batch : (batch as { x?: Tensor } | null)?.x;
  if (!(x instanceof Tensor))
    throw new ArgumentError(
      complaint(
        "data",
        "a tensor, or inputs at .x",
        describe(x),
        "Give `output: (model, batch) => ...`.",
      ),
    );
  return forward.call(model, x);
}

/** `batch.y`; throws ArgumentError where there is none. */
function targetOf(batch: unknown): Tensor {
  const y = (batch as { y?: Tensor } | null)?.y;
  if (!(y instanceof Tensor))
    throw new ArgumentError(
      complaint("data", "targets at .y", describe(y), "Give `target: (batch) => ...`."),
    );
  return y;
}

/** Throws ArgumentError unless the metrics are functions by name. */
export function checkMetrics(who: string, metrics: Metrics): void {
  if (typeof metrics !== "object" || metrics === null)
    throw new ArgumentError(
      complaint(
        `${who}: metrics`,
        "metrics by name, such as { accuracy: nn.metrics.accuracy }",
        describe(metrics),
      ),
    );
  for (const [name, metric] of Object.entries(metrics))
    if (typeof metric !== "function")
      throw new ArgumentError(
        complaint(`${who}: metrics.${name}`, "a function of output and target", describe(metric)),
      );
}

/** Metrics of one model after another over datasets. */
export class Evaluator<M, B> {
  readonly #metrics: Metrics;
  readonly #run: (model: M, batch: B) => Record<string, Tensor>;

  constructor(who: string, metrics: Metrics, reading: Reading<M, B>) {
    checkMetrics(who, metrics);
    this.#metrics = { ...metrics };
    const { output = forwardOf, target = targetOf } = reading;
    this.#run = jit((model: M, batch: B) => {
      const [y, wanted] = [output(model, batch), target(batch)];
      return Object.fromEntries(
        Object.entries(metrics).map(([name, metric]) => {
          if (isCounting(metric)) return [name, metric.counts(y, wanted)];
          const value = metric(y, wanted);
          if (!(value instanceof Tensor) || value.rank !== 0)
            throw new ShapeError(
              complaint(
                `${who}: metrics.${name}`,
                "a scalar tensor",
                value instanceof Tensor ? `shape ${formatShape(value.shape)}` : describe(value),
              ),
            );
          return [name, value];
        }),
      );
    });
  }

  /** Yields after each batch; returns each metric of all samples together. */
  *steps(model: M, data: Dataset<B>, batchSize: number): Generator<void, Record<string, number>> {
    const totals = new Map<string, { sums: Float64Array; shape: readonly number[] }>();
    for (let from = 0; from < data.samples; from += batchSize) {
      const to = Math.min(data.samples, from + batchSize);
      for (const [name, value] of Object.entries(this.#run(model, data.range(from, to)))) {
        const weight = isCounting(this.#metrics[name]!) ? 1 : to - from;
        const elements = value.elements!;
        let total = totals.get(name);
        if (total === undefined)
          totals.set(name, (total = { sums: new Float64Array(value.size), shape: value.shape }));
        for (let i = 0; i < elements.length; i++) total.sums[i]! += weight * elements[i]!;
      }
      yield;
    }
    return Object.fromEntries(
      Object.entries(this.#metrics).map(([name, metric]) => {
        const total = totals.get(name);
        if (total === undefined) return [name, NaN];
        if (!isCounting(metric)) return [name, total.sums[0]! / data.samples];
        const counts = new Tensor({ shape: total.shape, dtype: "float64" }, total.sums);
        return [name, untraced(() => metric.value(counts).item())];
      }),
    );
  }
}

/** Outputs of one model after another for datasets. */
class Predictor<M, B, R extends Tree> {
  readonly #run: (model: M, batch: B) => R;

  constructor(output: (model: M, batch: B) => R) {
    this.#run = jit((model: M, batch: B) => output(model, batch));
  }

  /** Outputs of all batches joined along the first axis. Throws ShapeError for outputs without one. */
  all(who: string, model: M, data: Dataset<B>, batchSize: number): R {
    const parts: { shape: readonly number[]; whole: TypedArray; at: number }[] = [];
    let rebuild: ((leaves: readonly Tensor[]) => unknown) | undefined;
    let dtypes: Tensor["dtype"][] = [];
    // Even without samples there is a shape to find.
    for (let from = 0; from === 0 || from < data.samples; from += batchSize) {
      const to = Math.min(data.samples, from + batchSize);
      const { leaves, def } = flatten(who, this.#run(model, data.range(from, to)));
      rebuild ??= (given) => def.rebuild(given);
      dtypes = leaves.map((leaf) => leaf.dtype);
      for (const [index, leaf] of leaves.entries()) {
        if (leaf.shape[0] !== to - from)
          throw new ShapeError(
            complaint(
              `${who}: output`,
              `a first extent of ${to - from}, the samples in the batch`,
              formatShape(leaf.shape),
            ),
          );
        const row = leaf.shape.slice(1);
        parts[index] ??= {
          shape: row,
          whole: allocate(leaf.dtype, data.samples * (leaf.size / (to - from) || 0)),
          at: 0,
        };
        const part = parts[index];
        part.whole.set(leaf.elements!, part.at);
        part.at += leaf.size;
      }
    }
    return rebuild!(
      parts.map(
        ({ shape, whole }, index) =>
          new Tensor({ shape: [data.samples, ...shape], dtype: dtypes[index]! }, whole),
      ),
    ) as R;
  }
}

/**
 * Throws ArgumentError naming the first label for which the model's outputs have no class. Checks nothing where targets are not
 * labels, or where outputs and targets cannot be had.
 */
export function checkTargets<M, B>(
  who: string,
  model: M,
  data: Dataset<B>,
  reading: Reading<M, B>,
): void {
  if (data.samples === 0) return;
  let labels: Tensor;
  let classes: number | undefined;
  try {
    labels = (reading.target ?? targetOf)(data.range(0, data.samples));
    if (labels.dtype !== "int32") return;
    const { leaves, def } = flatten(who, data.range(0, 1));
    trace((...placeholders) => {
      const y = (reading.output ?? forwardOf)(model, def.rebuild(placeholders) as B);
      if (y.rank === labels.rank + 1) classes = y.shape.at(-1)!;
      return [y];
    }, leaves);
  } catch {
    // Training itself will say what is wrong, if anything is.
    return;
  }
  if (classes !== undefined) checkLabels(`${who}: labels`, labels, classes);
}

function isCounting(metric: Metric | CountingMetric): metric is CountingMetric {
  return "counts" in metric && "value" in metric;
}
