/** @file Models run over datasets batch by batch: compiled once for a structure of models and a size of batches. */
import { jit } from "../../compile/jit.ts";
import { type TypedArray, allocate } from "../../ir/dtype.ts";
import { ArgumentError, ShapeError, complaint, describe } from "../../base/errors.ts";
import { formatShape } from "../../ir/shape.ts";
import { Tensor } from "../../ir/tensor.ts";
import { trace, untraced } from "../../ir/trace.ts";
import { type Tree, flatten } from "../../ir/tree.ts";
import type { CountingMetric, Metric } from "../../nn/metrics.ts";
import { checkLabels } from "../../nn/losses.ts";
import { checkWhole } from "../data/batches.ts";
import { type Dataset, datasetOf } from "../data/dataset.ts";

/** Metrics by the names that results give them. */
export type Metrics = Readonly<Record<string, Metric | CountingMetric>>;

/** How to get from a model and a batch to what metrics compare. */
export interface Reading<M, B> {
  /** The model's output for a batch: `model.forward(batch.x)` unless given, or `model.forward(batch)` where the batch is a tensor. */
  readonly output?: ((model: M, batch: B) => Tensor) | undefined;
  /** What the output should be: `batch.y` unless given. */
  readonly target?: ((batch: B) => Tensor) | undefined;
}

/** `model.forward(batch.x)`; throws ArgumentError naming what is missing. */
export function forwardOf(model: unknown, batch: unknown): Tensor {
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
export function targetOf(batch: unknown): Tensor {
  const y = (batch as { y?: Tensor } | null)?.y;
  if (!(y instanceof Tensor))
    throw new ArgumentError(
      complaint("data", "targets at .y", describe(y), "Give `target: (batch) => ...`."),
    );
  return y;
}

/** Throws ArgumentError for what are no metrics by name. */
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
  private readonly metrics: Metrics;
  private readonly run: (model: M, batch: B) => Record<string, Tensor>;

  constructor(who: string, metrics: Metrics, reading: Reading<M, B>) {
    checkMetrics(who, metrics);
    this.metrics = { ...metrics };
    const { output = forwardOf, target = targetOf } = reading;
    this.run = jit((model: M, batch: B) => {
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
      for (const [name, value] of Object.entries(this.run(model, data.range(from, to)))) {
        const weight = isCounting(this.metrics[name]!) ? 1 : to - from;
        const elements = value.elements!;
        let total = totals.get(name);
        if (total === undefined)
          totals.set(name, (total = { sums: new Float64Array(value.size), shape: value.shape }));
        for (let i = 0; i < elements.length; i++) total.sums[i]! += weight * elements[i]!;
      }
      yield;
    }
    return Object.fromEntries(
      Object.entries(this.metrics).map(([name, metric]) => {
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
export class Predictor<M, B, R extends Tree> {
  private readonly run: (model: M, batch: B) => R;

  constructor(output: (model: M, batch: B) => R) {
    this.run = jit((model: M, batch: B) => output(model, batch));
  }

  /** Outputs of all batches joined along the first axis. Throws ShapeError for outputs without one. */
  all(who: string, model: M, data: Dataset<B>, batchSize: number): R {
    const parts: { shape: readonly number[]; whole: TypedArray; at: number }[] = [];
    let rebuild: ((leaves: readonly Tensor[]) => unknown) | undefined;
    let dtypes: Tensor["dtype"][] = [];
    // Without samples there still is a shape to find.
    for (let from = 0; from === 0 || from < data.samples; from += batchSize) {
      const to = Math.min(data.samples, from + batchSize);
      const { leaves, def } = flatten(who, this.run(model, data.range(from, to)));
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
 * Throws ArgumentError naming the first class label that the model's outputs have no place for. Where targets are no labels, or
 * outputs and targets are not to be had without reading options, there is nothing to check.
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

/** The dataset of given data, and a batch size. */
export function readData<B>(who: string, data: B, batchSize: number): Dataset<B> {
  checkWhole(`${who}: batchSize`, batchSize, 1);
  return datasetOf(who, data);
}

function isCounting(metric: Metric | CountingMetric): metric is CountingMetric {
  return "counts" in metric && "value" in metric;
}
