/** @file What is asked of a method: images, classes and options, checked. */
import { isFloat } from "../ir/dtype.ts";
import { complaint, describe } from "../ir/errors.ts";
import { checkOptions } from "../ir/options.ts";
import { formatShape, sameShape } from "../ir/shape.ts";
import { Tensor } from "../ir/tensor.ts";
import { tensor } from "../ops/index.ts";
import { ExplainError } from "./errors.ts";
import { type Fold, folds } from "./maps/fold.ts";
import type { MethodFacts } from "./method.ts";
import type { Network } from "./network/pass.ts";
import { type Score, type TargetFunction, noClass, topClass } from "./network/readout.ts";

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

const common = [
  "layer",
  "classIndex",
  "score",
  "target",
  "output",
  "relu",
  "channels",
  "eigenSmooth",
  "augSmooth",
  "signal",
  "onProgress",
] as const;

/** Options with everything decided that does not depend on the network. */
export interface Settings {
  readonly layer: string | readonly string[] | undefined;
  readonly target: TargetFunction | undefined;
  readonly output: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((done: number) => void) | undefined;
  readonly score: Score;
  readonly relu: boolean;
  readonly fold: Fold;
  readonly augSmooth: boolean;
}

/** Checks options. Throws ExplainError or ArgumentError naming the method. */
export function settingsOf(
  method: MethodFacts,
  options: ExplainOptions,
  known: readonly string[],
): Settings {
  const who = method.name;
  checkOptions(who, options, [...common, ...known]);
  const { layer, target, output, signal, onProgress } = options;
  const score = options.score ?? method.score ?? "logit";
  if (score !== "logit" && score !== "probability")
    throw new ExplainError(complaint(`${who}: score`, `"logit" or "probability"`, describe(score)));
  const fold = options.eigenSmooth === true ? "principal" : (options.channels ?? method.fold);
  if (!Object.hasOwn(folds, fold))
    throw new ExplainError(
      complaint(`${who}: channels`, `"sum", "max" or "each"`, describe(options.channels)),
    );
  for (const name of ["relu", "eigenSmooth", "augSmooth"] as const)
    if (options[name] !== undefined && typeof options[name] !== "boolean")
      throw new ExplainError(
        complaint(`${who}: ${name}`, "true or false", describe(options[name])),
      );
  if (target !== undefined && typeof target !== "function")
    throw new ExplainError(complaint(`${who}: target`, "a function", describe(target)));
  if (target !== undefined && options.classIndex !== undefined)
    throw new ExplainError(complaint(who, "a classIndex or a target", "both"));
  if (layer !== undefined && method.at === "image")
    throw new ExplainError(
      complaint(who, "no layer, because it explains the image itself", describe(layer)),
    );
  const { relu = method.relu, augSmooth = false } = options;
  return { layer, target, output, signal, onProgress, score, relu, fold, augSmooth };
}

/** Images as a batch [N, H, W, channels]. Throws ExplainError naming `who` for what is none, or not the network's. */
export function batchOf(who: string, network: Network, images: unknown): Tensor {
  const isImage =
    images instanceof Tensor &&
    isFloat(images.dtype) &&
    (images.rank === 3 || images.rank === 4) &&
    images.size > 0;
  if (!isImage)
    throw new ExplainError(
      complaint(
        `${who}: image`,
        "a float tensor [height, width, channels], or [N, height, width, channels]",
        images instanceof Tensor ? images.toString() : describe(images),
        "Numbers from 0 to 255 become what the network expects by preprocessing.",
      ),
    );
  if (images.elements === undefined)
    throw new ExplainError(
      complaint(`${who}: image`, "a tensor with elements", "one that is being traced"),
    );
  if (!images.elements.every(Number.isFinite))
    throw new ExplainError(complaint(`${who}: image`, "finite numbers", "NaN or infinity in it"));
  const batch = images.rank === 3 ? images.expandDims(0) : images;
  const { inputShape } = network as { inputShape?: unknown };
  const [only] = Array.isArray(inputShape) ? (inputShape as unknown[]) : [];
  const expected = (Array.isArray(only) ? only : inputShape) as readonly number[] | undefined;
  if (Array.isArray(only) && (inputShape as unknown[]).length > 1)
    throw new ExplainError(
      complaint(
        who,
        "a network of one input",
        `${(inputShape as unknown[]).length} inputs`,
        "Make one of it that holds the others: a module whose forward(x) calls it.",
      ),
    );
  if (expected !== undefined && !sameShape(expected, batch.shape.slice(1)))
    throw new ExplainError(
      complaint(
        `${who}: image`,
        `${formatShape(expected)}, as the network takes it`,
        formatShape(batch.shape.slice(1)),
        "Resize it first.",
      ),
    );
  return batch;
}

/** Classes of each image as int32 [N, m]. Throws ExplainError naming `who`. */
export function classesOf(who: string, choice: ClassChoice | undefined, batch: number): Tensor {
  const isList = Array.isArray(choice);
  if (isList && choice.length !== batch)
    throw new ExplainError(
      complaint(
        `${who}: classIndex`,
        `a class for each image, ${batch} in all`,
        `a list of ${choice.length}`,
        batch === 1
          ? `For several classes in one image write [[${choice.join(", ")}]].`
          : undefined,
      ),
    );
  const rows = Array.from({ length: batch }, (_, n): readonly unknown[] => {
    const own: unknown = isList ? choice[n] : (choice ?? topClass);
    return Array.isArray(own) ? own : [own];
  });
  const bad = rows
    .flat()
    .find(
      (index) =>
        !Number.isInteger(index) ||
        ((index as number) < 0 && !(choice === undefined && index === topClass)),
    );
  const empty = rows.some((row) => row.length === 0);
  if (bad !== undefined || rows.flat().includes(undefined) || empty)
    throw new ExplainError(
      complaint(
        `${who}: classIndex`,
        "class numbers 0, 1, ...",
        empty ? "an empty list" : describe(bad),
      ),
    );
  const most = Math.max(...rows.map((row) => row.length));
  const padded = rows.flatMap((row) => [
    ...(new Set(row) as Set<number>),
    ...Array<number>(most - new Set(row).size).fill(noClass),
  ]);
  return tensor(Int32Array.from(padded), { shape: [batch, most] });
}
