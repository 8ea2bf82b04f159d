/** @file What a method of explanation is: facts about it, one function, and the options that all methods take. */
import { complaint } from "../base/errors.ts";
import { callback } from "../base/kinds.ts";
import {
  type OptionsOf,
  type Schema,
  type SettingsOf,
  type Spec,
  optional,
  schema,
} from "../base/options.ts";
import type { Tensor } from "../ir/tensor.ts";
import { ExplainError } from "./errors.ts";
import type { Fold } from "./maps.ts";
import type { BiasTerm } from "./network/biases.ts";
import type { TargetFunction } from "./network/pass.ts";
import type { ProgramKey } from "./network/programs.ts";
import { type Score, type batchOptions, explainSpec, type randomOptions } from "./options.ts";

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

/** The options of every method, with the method's own defaults. */
export function commonOptions({ score = "logit", relu }: MethodFacts) {
  const { layer, classIndex, ...others } = explainSpec;
  return {
    layer,
    classIndex,
    target: optional(
      callback<TargetFunction>(),
      undefined,
      "In place of a class: a function from the network's outputs [N, ...] to one score for each image, [N].",
    ),
    ...others,
    score: { ...others.score, fallback: score },
    relu: { ...others.relu, fallback: relu },
  };
}

type Common = ReturnType<typeof commonOptions>;

/** Options of every method. */
export type ExplainOptions = OptionsOf<Common>;

/** The options of every method, all of them decided. */
export type ExplainSettings = SettingsOf<Common>;

/** Options of methods of many passes. */
export type BatchOptions = ExplainOptions & OptionsOf<typeof batchOptions>;

/** Options of methods that draw random numbers. */
export type RandomOptions = ExplainOptions & OptionsOf<typeof randomOptions>;

/**
 * All options of a method: those of every method, of which methods of the image have no `layer`, and its own. Throws ExplainError if
 * one of its own has a name that is taken.
 */
export function optionsOf(method: MethodFacts, own: Spec = {}): Schema<Spec> {
  const common = commonOptions(method);
  const taken = Object.keys(own).find((name) => Object.hasOwn(common, name));
  if (taken !== undefined)
    throw new ExplainError(
      complaint(`${method.name}: options`, "names of its own", `${taken}, which every method has`),
    );
  const { layer, ...others } = common;
  const spec: Spec = { ...(method.at === "layer" && { layer }), ...others, ...own };
  return schema(spec);
}
