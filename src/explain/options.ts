/** @file Options that every method has. */
import type { Fold } from "./maps/fold.ts";
import type { Score, TargetFunction } from "./network/readout.ts";

/** Which class: one for all images, or for each image a class or several, whose scores are added up. */
export type ClassChoice = number | readonly (number | readonly number[])[];

/** Options of every method. */
export interface ExplainOptions {
  /**
   * Name of the layer (`block5_conv4`, `encoder/conv2d` within a nested model), or several whose maps are merged. The last whose
   * output has height and width above 1 unless given.
   */
  readonly layer?: string | readonly string[];
  /** The class to explain: each image's own top prediction unless given. */
  readonly classIndex?: ClassChoice;
  /** What of the class: its logit, which is what the last softmax or sigmoid receives (the default), or its probability. */
  readonly score?: Score;
  /** In place of a class: any function of the network's outputs [N, ...] that gives a score [N]. */
  readonly target?: TargetFunction;
  /** Which output is explained where the network has several. */
  readonly output?: number;
  /** Whether negative values become zero: as the method's paper has it unless given. */
  readonly relu?: boolean;
  /** How channels become one map: as the method's paper has it unless given; "each" keeps them apart. */
  readonly channels?: Exclude<Fold, "principal">;
  /** First principal component of what channels contribute, in place of their sum: less noise. */
  readonly eigenSmooth?: boolean;
  /** Mean of six maps: of the image and its mirror image, each times 0.9, 1 and 1.1. */
  readonly augSmooth?: boolean;
  /** Ends the work between two batches. */
  readonly signal?: AbortSignal;
  /** Told now and then what part of the work is done, from 0 to 1. */
  readonly onProgress?: (done: number) => void;
}
