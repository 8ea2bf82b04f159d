/** @file The result: a map, and what has to be known to read it. */
import type { Shape } from "../ir/shape.ts";
import type { Score } from "./network/readout.ts";

/** What a network looked at in one image. */
export interface Explanation {
  /** The map row by row, as the method gives it: before resizing and normalisation. */
  readonly values: Float32Array | Float64Array;
  /** [height, width] of the map; [height, width, channels] where `channels: "each"` was asked for. */
  readonly shape: Shape;
  /** The method's name. */
  readonly method: string;
  /** The layer explained, several joined by " + "; undefined for methods of the image. */
  readonly layer: string | undefined;
  /** What was explained: logits or probabilities. */
  readonly score: Score;
  /** The class explained, the first of several; undefined where a target function takes the place of classes. */
  readonly classIndex: number | undefined;
  /** All classes whose scores were added up. */
  readonly classIndices: readonly number[];
  /** The score's value. */
  readonly scoreValue: number;
  /** Probability of the classes explained; undefined for a target function and for a network of one number (regression). */
  readonly probability: number | undefined;
  /** Probability of every class; undefined as above. */
  readonly probabilities: Float32Array | Float64Array | undefined;
  /** Nothing in the map was positive before negative values became zero: an empty map that is no lack of interest. */
  readonly allNonPositive: boolean;
  /**
   * The probability explained is so near 0 or 1 that its gradient p (1 - p) has vanished (below 1e-5): the map shows rounding.
   * Explain the logit.
   */
  readonly saturated: boolean;
}

/** p (1 - p) below which float32 has lost most of a softmax's gradient. */
const leastSlope = 1e-5;

/** Whether the gradient of a probability has vanished. */
export function isSaturated(score: Score, probability: number | undefined): boolean {
  return (
    score === "probability" &&
    probability !== undefined &&
    probability * (1 - probability) < leastSlope
  );
}
