/** @file Metrics: what people want to know of predictions, beside the loss. Every loss is one, too. */
import type { Tensor } from "../../ir/tensor.ts";
import { sqrt, stack, tensor } from "../../ops/index.ts";
import { pair } from "../losses/pair.ts";
import { type CountingMetric, counting } from "./metric.ts";

export { accuracy, binaryAccuracy, topKAccuracy } from "./accuracy.ts";
export { confusionMatrix, f1, precision, recall } from "./confusion.ts";
export { counting } from "./metric.ts";
export type { CountingMetric, Metric } from "./metric.ts";
export { meanAbsoluteError, meanSquaredError } from "../losses/index.ts";

/** The root of the mean squared error over all elements. Throws ShapeError unless the shapes are equal. */
export const rootMeanSquaredError: CountingMetric = counting(
  (output: Tensor, target: Tensor): Tensor => {
    const [p, t] = pair("rootMeanSquaredError", output, target);
    const error = p.sub(t);
    return stack([error.mul(error).sum().cast("float64"), tensor(p.size, { dtype: "float64" })]);
  },
  (sums) => sqrt(sums.at(0).div(sums.at(1))),
);
