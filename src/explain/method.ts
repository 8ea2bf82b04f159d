/** @file What a method of explanation is: all that is said about it is data, all that differs is one function. */
import type { Tensor } from "../ir/tensor.ts";
import type { Fold } from "./maps/fold.ts";
import type { Parts } from "./network/parts.ts";
import type { Score } from "./network/readout.ts";
import type { ExplainOptions } from "./options.ts";

/** What every method says of itself. */
export interface MethodFacts {
  /** As it is called: `gradCam`. */
  readonly name: string;
  /** As it is written: Grad-CAM. */
  readonly title: string;
  /** Paper and equation. */
  readonly source: string;
  /** What is looked at: a layer's feature maps, or the image itself. */
  readonly at: "layer" | "image";
  /** How channels become one map, unless options say otherwise. */
  readonly fold: Fold;
  /** Whether negative values of the map become zero, unless options say otherwise. */
  readonly relu: boolean;
  /** What is explained unless options say otherwise: "logit" unless the paper's formula is about probabilities. */
  readonly score?: Score;
}

/** A method of one pass: what every channel contributes at every place, [N, h, w, C], compiled together with the pass. */
export interface PassMethod extends MethodFacts {
  contributions(parts: Parts): Tensor;
}

/** What a batch program may compute of the network, for images [B, H, W, channels]. */
export interface Batch {
  /** The score of each image: [B]. */
  scoresOf(images: Tensor): Tensor;
  /** Each score's derivative by its image: [B, H, W, channels]. */
  gradientsOf(images: Tensor): Tensor;
  /** The scores of copies of one image [1, H, W, channels] with other feature maps [B, h, w, C] in a layer's place: [B]. */
  scoresWith(image: Tensor, layer: number, activations: Tensor): Tensor;
}

/** One image under study. */
export interface Study {
  /** [1, H, W, channels] */
  readonly image: Tensor;
  /** What the layers give for it, [1, h, w, C] each; the image itself for methods of the image. */
  readonly activations: readonly Tensor[];
  /** Its score. */
  readonly score: number;
  /** The name of the method, for errors. */
  readonly who: string;
  /**
   * A program over batches of `size`, compiled once for a network and a key, which must tell apart everything that `make` closes
   * over.
   */
  program(
    key: string,
    size: number,
    make: (batch: Batch, ...inputs: Tensor[]) => Tensor[],
  ): (...inputs: Tensor[]) => Tensor[];
}

/** A method of many passes, one image at a time. */
export interface StudyMethod<O extends ExplainOptions = ExplainOptions> extends MethodFacts {
  /** Names of its own options. */
  readonly options: readonly Exclude<keyof O, keyof ExplainOptions>[];
  /**
   * What every channel contributes at every place, [1, h, w, C], for each layer (or for the image). Yields what part of the work
   * is done between batches.
   */
  study(study: Study, options: O): Generator<number, readonly Tensor[]>;
}

/** A method. */
export type Method<O extends ExplainOptions = ExplainOptions> = PassMethod | StudyMethod<O>;
