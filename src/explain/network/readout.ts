/** @file From what a network gives to one score for each sample: logits, probabilities, and the target among them. */
import { complaint, describe } from "../../base/errors.ts";
import { formatShape, sizeOf } from "../../ir/shape.ts";
import { Tensor } from "../../ir/tensor.ts";
import { concat } from "../../ops/index.ts";
import { ExplainError } from "../errors.ts";
import type { EndingKind } from "./ending.ts";

/** Which number of a class is explained: what the last softmax (or sigmoid) receives, or what it gives. */
export type Score = "logit" | "probability";

/** A function of what the network gives, logits or probabilities as `score` says: [N, ...] -> [N], one score for each sample. */
export type TargetFunction = (outputs: Tensor) => Tensor;

/** What a network says of a batch. */
export interface Readout {
  /** [N, classes]. */
  readonly logits: Tensor;
  /** [N, classes]; undefined for a single number that is no probability (regression). */
  readonly probabilities: Tensor | undefined;
}

/** No class: a place in a list of classes that is not used. */
export const noClass = -2;
/** The class of the largest logit. */
export const topClass = -1;

/**
 * Logits and probabilities of every class. One output with a sigmoid is two classes, 0 of logit -z and 1 of logit z.
 * Throws ExplainError for outputs that are more than one number for each class.
 */
export function readoutOf(who: string, kind: EndingKind, output: Tensor, scores: Tensor): Readout {
  const [batch, ...sample] = output.shape;
  const count = sizeOf(sample);
  if (sample.some((extent) => extent !== 1 && extent !== count))
    throw new ExplainError(
      complaint(
        who,
        "a network that gives a score for each class",
        `an output of shape ${formatShape(sample)} for each sample`,
        "Say with target: (outputs) => ... which number of it to explain.",
      ),
    );
  const flat = (x: Tensor): Tensor => x.reshape([batch!, count]);
  const logits = flat(scores);
  if (kind === "sigmoid" && count === 1) {
    const both = concat([logits.neg(), logits], 1);
    return { logits: both, probabilities: both.sigmoid() };
  }
  if (kind === "none")
    return { logits, probabilities: count === 1 ? undefined : logits.softmax(-1) };
  return { logits, probabilities: flat(kind === "logSoftmax" ? output.exp() : output) };
}

/** Classes int32 [N, m] with each sample's own largest in the place of `topClass`. */
export function settledClasses(classes: Tensor, logits: Tensor): Tensor {
  const top = logits.argMax(-1).expandDims(-1).broadcastTo(classes.shape);
  return top.where(classes.equal(topClass), classes);
}

/** The sum of each sample's numbers [N, classes] of its classes int32 [N, m], of which `noClass` counts nothing: [N]. */
export function sumOver(classes: Tensor, numbers: Tensor): Tensor {
  const selection = classes.oneHot(numbers.shape[1]!, { dtype: numbers.dtype }).sum([1]);
  return numbers.mul(selection).sum([-1]);
}

/** A target function's scores [N]. Throws ExplainError for anything else. */
export function targetScores(who: string, target: TargetFunction, outputs: Tensor): Tensor {
  const scores: unknown = target(outputs);
  const batch = outputs.shape[0]!;
  if (
    !(scores instanceof Tensor) ||
    scores.rank !== 1 ||
    scores.shape[0] !== batch ||
    scores.dtype !== outputs.dtype
  )
    throw new ExplainError(
      complaint(
        `${who}: target`,
        `a function that gives one score for each sample, ${outputs.dtype}[${batch}], of outputs ${formatShape(outputs.shape)}`,
        scores instanceof Tensor ? scores.toString() : describe(scores),
      ),
    );
  return scores;
}
