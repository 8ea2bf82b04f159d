/** @file What a method of explanation is: facts about it, and one function. */
import type { Spec, SettingsOf } from "../base/options.ts";
import type { Tensor } from "../ir/tensor.ts";
import type { Fold } from "./maps.ts";
import type { BiasTerm } from "./network/biases.ts";
import type { Score } from "./network/pass.ts";
import type { ProgramKey } from "./network/programs.ts";

/** What every method says about itself. */
export interface MethodFacts {
  /** The name in code and results: `gradCam`. */
  readonly name: string;
  /** The name for readers: Grad-CAM. */
  readonly title: string;
  /** Paper and equation. */
  readonly source: string;
  /** What is explained: the feature maps of a layer, or the image itself. */
  readonly at: "layer" | "image";
  /** How channels become one map, unless options say otherwise. */
  readonly fold: Fold;
  /** Whether negative values of the map become zero, unless options say otherwise. */
  readonly relu: boolean;
  /** What is explained unless options say otherwise: "logit", or "probability" where the paper's formula is about probabilities. */
  readonly score?: Score;
}

/**
 * What a method may ask about the network at some images. Each answer is computed, as part of the program that is being
 * compiled, only if it is asked for.
 */
export interface Probe {
  /** The images [N, H, W, channels]. */
  readonly images: Tensor;
  /** The score of each image: [N]. */
  readonly scores: Tensor;
  /** The feature maps A of the layer, [N, h, w, C]; the images for methods of the image. */
  readonly activations: Tensor;
  /** ∂score/∂A, [N, h, w, C]. */
  readonly gradients: Tensor;
  /** ∂score/∂image [N, H, W, channels], where every rectifier passes on positive derivatives only. */
  readonly guidedGradients: Tensor;
  /** Every bias of a convolution or batch normalisation, and the score's derivative where it is added. */
  readonly biases: readonly BiasTerm[];
  /** The scores [N] with other feature maps [N, h, w, C] in place of the layer's. */
  scoresWith(activations: Tensor): Tensor;
}

/** A method of one pass. */
export interface PassMethod extends MethodFacts {
  /** What each channel contributes at each position, [N, h, w, C]. Compiled together with the pass. */
  contributions(probe: Probe): Tensor;
}

/** One image and one layer that a method of many passes explains. */
export interface Study {
  /** The method's name, for errors. */
  readonly who: string;
  /** [1, H, W, channels] */
  readonly image: Tensor;
  /** The layer's feature maps for it, [1, h, w, C]; the image for methods of the image. */
  readonly activations: Tensor;
  /** The image's score. */
  readonly score: number;
  /**
   * A function of tensors that looks at batches of `size` images, compiled once. `write` writes it: `look` takes images [size,
   * H, W, channels], or one image for all, and gives the probe there. `key` lists everything that `write` depends on besides
   * its arguments; two programs of one method have different keys.
   */
  program(
    key: ProgramKey,
    size: number,
    write: (look: (images: Tensor) => Probe, ...inputs: Tensor[]) => Tensor,
  ): (...inputs: Tensor[]) => Tensor;
}

/** A method of many passes. */
export interface StudyMethod<S extends Spec = Spec> extends MethodFacts {
  /** Its own options, beside those of every method. */
  readonly options?: S;
  /**
   * What each channel contributes at each position, [1, h, w, C], for one image and one layer. Yields, between batches, the
   * share of this work that is done, from 0 to 1.
   */
  study(study: Study, settings: SettingsOf<S>): Generator<number, Tensor>;
}

/** A method of explanation. A method of one pass is complete after the pass with which those of many passes begin. */
export type Method = PassMethod | StudyMethod;
