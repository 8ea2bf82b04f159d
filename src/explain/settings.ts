/** @file Options checked, and everything decided that does not depend on the network. */
import { complaint, describe } from "../base/errors.ts";
import { checkOptions } from "../base/options.ts";
import { ExplainError } from "./errors.ts";
import { type Fold, folds } from "./maps/fold.ts";
import type { MethodFacts } from "./method.ts";
import type { Score, TargetFunction } from "./network/readout.ts";
import type { ExplainOptions } from "./options.ts";

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
