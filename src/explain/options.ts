/**
 * @file What explanations and figures are asked, each option declared once: type, default, check and help. Imports `base` alone,
 * because the help of the command line is made from it before the library is loaded.
 */
import { complaint, describe } from "../base/errors.ts";
import { abortSignal, callback, count, flag, kind, oneOf, whole } from "../base/kinds.ts";
import { type Kind, optional } from "../base/options.ts";

/** Which number of a class is explained: what the last softmax (or sigmoid) receives, or what it gives. */
export type Score = "logit" | "probability";

/** The names of all ways to interpolate between the values of a map. */
export const upsamplings = ["nearest", "bilinear", "cubic", "spline3"] as const;
/** The name of a way to interpolate between the values of a map. */
export type Upsampling = (typeof upsamplings)[number];

/** The names of all colour maps, recommended ones first. */
export const colourMaps = ["inferno", "viridis", "magma", "plasma", "jet", "rdbu"] as const;
/** The name of a colour map. */
export type ColourMapName = (typeof colourMaps)[number];

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

/** What every method is asked. `commonOptions` adds the method's own defaults and the target function. */
export const explainSpec = {
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
    "logit",
    "Which number of the class is explained: logit (what the last softmax or sigmoid receives) or probability (what it gives).",
  ),
  output: optional(whole(0), undefined, "Which output is explained if the network has several."),
  relu: optional(flag, true, "Whether negative values of the map become zero."),
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

/** How a map becomes colours, and how it gets the size of a picture. */
export const mapSpec = {
  colourMap: optional(
    oneOf(colourMaps),
    undefined,
    `Colours of the map: ${colourMaps.join(", ")}; inferno unless given, rdbu for maps with negative values.`,
  ),
  upsample: optional(
    oneOf(upsamplings),
    undefined,
    `How maps get the size of the picture: ${upsamplings.join(", ")}; bilinear unless given, nearest for maps without a picture.`,
  ),
};
