/** @file Step three of an explanation: the map, and what has to be known to read it. */
import { type Shape, sizeOf } from "../ir/shape.ts";
import type { Tensor } from "../ir/tensor.ts";
import { mergedMaps } from "./maps.ts";
import type { EndingKind } from "./network/ending.ts";
import { noClass } from "./network/pass.ts";
import type { Score } from "./options.ts";
import type { Findings } from "./probe.ts";
import type { Request } from "./request.ts";

/** What a network looked at in one image. */
export interface Explanation {
  /** The map, row by row, as the method gives it: before resizing and normalisation. */
  readonly values: Float32Array;
  /** [height, width] of the map; [height, width, channels] where `channels: "each"` was asked for. */
  readonly shape: Shape;
  /** The method's name. */
  readonly method: string;
  /** The layer explained, several joined by " + "; undefined for methods of the image. */
  readonly layer: string | undefined;
  /** What was explained: logits or probabilities. */
  readonly score: Score;
  /** The class explained, the first of several; undefined if a target function was explained. */
  readonly classIndex: number | undefined;
  /** All classes whose scores were added up. */
  readonly classIndices: readonly number[];
  /** The score's value. */
  readonly scoreValue: number;
  /** Probability of the classes explained; undefined for a target function and for a network of one number (regression). */
  readonly probability: number | undefined;
  /** Probability of every class; undefined in the same cases. */
  readonly probabilities: Float32Array | undefined;
  /**
   * Nothing in the map was positive before negative values became zero: the map is empty because everything speaks against the
   * class.
   */
  readonly allNonPositive: boolean;
  /**
   * The probability explained is so close to 0 or 1 that its gradient p (1 - p) has vanished (below 1e-5) and the map shows
   * rounding errors. Explain the logit instead.
   */
  readonly saturated: boolean;
}

/** p (1 - p) below which float32 has lost most of a softmax's gradient. */
const leastSlope = 1e-5;

/** Whether the gradient of a sum of probabilities has vanished: those of a softmax share one, those of sigmoids have their own. */
function isSaturated(ending: EndingKind, probabilities: readonly number[]): boolean {
  const total = probabilities.reduce((sum, p) => sum + p, 0);
  const slopes = ending === "sigmoid" ? probabilities : [total];
  return slopes.every((p) => p * (1 - p) < leastSlope);
}

/** The explanations of a request, image by image. */
export function explanationsOf(request: Request, findings: Findings): Explanation[] {
  const { method, settings, layers, images, pass } = request;
  const { classes, scores, probabilities, maps } = findings;
  const { relu, score, target } = settings;
  const rectified = maps.map((map) => (relu ? map.relu() : map));
  const [batch, height, width] = images.shape as [number, number, number];
  const final = maps.length === 1 ? rectified[0]! : mergedMaps(rectified, height, width);
  return Array.from({ length: batch }, (_, n): Explanation => {
    const all = probabilities && rowOf(probabilities, n);
    const classIndices =
      target === undefined ? [...rowOf(classes, n)].filter((index) => index !== noClass) : [];
    const chosen = all && classIndices.map((index) => all[index]!);
    const probability = chosen?.reduce((sum, p) => sum + p, 0);
    return {
      values: rowOf(final, n),
      shape: final.shape.slice(1),
      method: method.name,
      layer: layers.length === 0 ? undefined : layers.map(({ name }) => name).join(" + "),
      score,
      classIndex: classIndices[0],
      classIndices,
      scoreValue: scores.elements![n]!,
      probability,
      probabilities: all,
      allNonPositive: maps.every((map) => rowOf(map, n).every((value) => value <= 0)),
      saturated:
        score === "probability" && chosen !== undefined && isSaturated(pass.ending, chosen),
    };
  });
}

/** The elements of one sample of a batch, rounded to float32. */
function rowOf(tensor: Tensor, n: number): Float32Array {
  const size = sizeOf(tensor.shape.slice(1));
  return Float32Array.from(tensor.elements!.subarray(n * size, (n + 1) * size));
}
