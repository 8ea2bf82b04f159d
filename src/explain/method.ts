/** @file What a method of explanation is: all that is said about it is data, all that differs is one function. */
import type { Tensor } from "../ir/tensor.ts";
import type { Fold } from "./maps/fold.ts";
import type { Score } from "./network/readout.ts";

/** What a method explains with: a layer's output and the score's gradient with respect to it. For the image, the image's. */
export interface Parts {
  /** A [N, h, w, C]. */
  readonly activations: Tensor;
  /** ∂score/∂A [N, h, w, C]. Only a method that asks for it has it computed. */
  readonly gradients: Tensor;
}

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

/** A method. */
export type Method = PassMethod;
