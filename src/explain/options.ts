/** @file The options of explanations, each declared once: those of every method, and those that methods of many passes share. */
import { complaint, describe } from "../base/errors.ts";
import { abortSignal, callback, count, flag, kind, oneOf, whole } from "../base/kinds.ts";
import {
  type Kind,
  type OptionsOf,
  type Schema,
  type SettingsOf,
  type Spec,
  optional,
  schema,
} from "../base/options.ts";
import { ExplainError } from "./errors.ts";
import type { MethodFacts } from "./method.ts";
import type { TargetFunction } from "./network/pass.ts";

/** Which class: one for all images, or a list with a class, or several whose scores are added up, for each image. */
export type ClassChoice = number | readonly (number | readonly number[])[];

const className = "class numbers 0, 1, ...";

const classChoice: Kind<ClassChoice> = {
  expected: `${className}: one for all images, or a list of one (or a list of several) for each image`,
  read(who, given, Fails) {
    const rows: readonly unknown[] = Array.isArray(given) ? given : [given];
    for (const row of rows)
      for (const index of Array.isArray(row) && row.length > 0 ? (row as unknown[]) : [row])
        if (!Number.isSafeInteger(index) || (index as number) < 0)
          throw new Fails(
            complaint(who, className, describe(index), "Each image needs at least one."),
          );
    return given as ClassChoice;
  },
  parse: whole(0).parse!,
};

const layerChoice: Kind<string | readonly string[]> = kind(
  "the name of a layer, or several in a list",
  (given) =>
    Array.isArray(given)
      ? given.length > 0 && given.every((name) => typeof name === "string")
      : typeof given === "string",
  { parse: (text) => text },
);

/** The options of every method, with the method's own defaults. */
export function commonOptions({ score = "logit", relu }: MethodFacts) {
  return {
    layer: optional(
      layerChoice,
      undefined,
      "Layer whose feature maps are explained, or several whose maps are merged; the last one whose output has height and width above 1 unless given.",
    ),
    classIndex: optional(
      classChoice,
      undefined,
      "Class to explain; the top prediction of each image unless given.",
    ),
    score: optional(
      oneOf(["logit", "probability"]),
      score,
      "Which number of the class is explained: what the last softmax or sigmoid receives, or what it gives.",
    ),
    target: optional(
      callback<TargetFunction>(),
      undefined,
      "In place of a class: a function from the network's outputs [N, ...] to one score for each image, [N].",
    ),
    output: optional(whole(0), undefined, "Which output is explained if the network has several."),
    relu: optional(flag, relu, "Whether negative values of the map become zero."),
    channels: optional(
      oneOf(["sum", "max", "each"]),
      undefined,
      'How channels become one map: their sum, the largest magnitude, or "each" for a map per channel; as in the method\'s paper unless given.',
    ),
    eigenSmooth: optional(
      flag,
      false,
      "Whether channels become one map by their first principal component, which has less noise.",
    ),
    augSmooth: optional(
      flag,
      false,
      "Whether the map is the mean over six versions of the image: it and its mirror image, each times 0.9, 1 and 1.1.",
    ),
    signal: optional(abortSignal, undefined, "Ends the work between two batches."),
    onProgress: optional(
      callback<(done: number) => void>(),
      undefined,
      "Called between batches with the share of the work that is done, from 0 to 1.",
    ),
  };
}

type Common = ReturnType<typeof commonOptions>;

/** Options of every method. */
export type ExplainOptions = OptionsOf<Common>;

/** The options of every method, all of them decided. */
export type ExplainSettings = SettingsOf<Common>;

/** What methods of many passes are asked besides. */
export const batchOptions = {
  batchSize: optional(
    count,
    8,
    "Number of images that go through the network at once. More take more memory and hardly less time.",
  ),
};

/** What methods that draw random numbers are asked besides. */
export const randomOptions = {
  ...batchOptions,
  seed: optional(
    whole(0),
    0,
    "What random numbers follow from: the same seed gives the same bits.",
  ),
};

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
