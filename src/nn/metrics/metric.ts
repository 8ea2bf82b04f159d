/** @file What a metric is, alone and over many batches. */
import { Tensor } from "../../ir/tensor.ts";

/** A scalar of outputs and targets that is a mean over samples: over batches it is averaged, weighted by their sizes. */
export type Metric = (output: Tensor, target: Tensor) => Tensor;

/**
 * A metric that is no mean over samples (precision, say): over batches its counts are added, and its value is computed from
 * their sum, so that batches make no difference.
 */
export interface CountingMetric {
  /** The metric of one batch. */
  (output: Tensor, target: Tensor): Tensor;
  /** What is added up over batches: a tensor whose shape does not depend on the batch's size. */
  counts(output: Tensor, target: Tensor): Tensor;
  /** The metric, a scalar, from the sum of all counts (float64). */
  value(counts: Tensor): Tensor;
}

/** A metric that counts: `counting(counts, value)`. */
export function counting(
  counts: CountingMetric["counts"],
  value: CountingMetric["value"],
): CountingMetric {
  return Object.assign(
    (output: Tensor, target: Tensor) => value(counts(output, target).cast("float64")),
    {
      counts,
      value,
    },
  );
}
