/** @file The step downhill that ends a chain. */
import { Tensor } from "../../ir/tensor.ts";
import { type Rate, checkRate, rateAt } from "../schedules/schedule.ts";
import { type Transformation, stateless } from "../transformation.ts";

/** -learningRate · update: what ends a chain. */
export function scaleByLearningRate(learningRate: Rate): Transformation {
  checkRate("learningRate", learningRate);
  return stateless("scaleByLearningRate", (update, _parameter, step) => {
    const rate = rateAt(learningRate, step);
    return update.mul(rate instanceof Tensor ? rate.neg().cast(update.dtype) : -rate);
  });
}
