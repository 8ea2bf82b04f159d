/** @file Options of solves, declared once: how an integration steps and who watches it, with their kinds, defaults and checks. */
import { ArgumentError, complaint, describe } from "../base/errors.ts";
import { abortSignal, between, callback, count, kind, nameOr, positive } from "../base/kinds.ts";
import { type Kind, type OptionsOf, type SettingsOf, optional } from "../base/options.ts";
import type { Tree } from "../ir/tree.ts";
import { type Controller, controllerKind } from "./controllers.ts";
import type { Norm, Tolerance } from "./norm.ts";
import { methods } from "./methods/index.ts";
import type { StatsReport, StepReport } from "./status.ts";
import { type Method, isAdaptive } from "./stepper.ts";

/** A method by name, or one that `rungeKutta` or `oneStep` made. */
export const methodKind: Kind<string | Method, Method> = nameOr(
  methods,
  "a method that rungeKutta or oneStep made",
  (given) => typeof (given as Partial<Method> | null)?.step === "function",
);

/** Checked against the state, once that is known. */
export const toleranceKind: Kind<Tolerance> = kind(
  "a number that is not negative, or a tree of tensors like y",
  (given) =>
    typeof given === "number"
      ? given >= 0 && given < Infinity
      : typeof given === "object" && given !== null,
);

const attempts: Kind<number> = kind(
  "a positive integer, or Infinity",
  (given) => given === Infinity || (Number.isSafeInteger(given) && (given as number) > 0),
);

/** How an integration steps. */
export const steppingSpec = {
  method: optional(methodKind, undefined, "the method that advances the solution"),
  rtol: optional(
    toleranceKind,
    undefined,
    "relative tolerance: a number, or a tree of tensors like y",
  ),
  atol: optional(
    toleranceKind,
    undefined,
    "absolute tolerance in the units of y: a number, or a tree of tensors like y",
  ),
  controller: optional(
    controllerKind,
    undefined,
    "rule for step sizes: a name, or what iController or piController made",
  ),
  firstStep: optional(
    positive,
    undefined,
    "size of the first step in units of t; estimated unless given; adaptive methods only",
  ),
  minStep: optional(
    between(0, Infinity),
    0,
    'a step that would have to be smaller ends the solve with "stepUnderflow"; adaptive methods only',
  ),
  maxStep: optional(positive, Infinity, "largest step in units of t; adaptive methods only"),
  maxSteps: optional(attempts, 100_000, "attempted steps allowed in all"),
  stepSize: optional(
    positive,
    undefined,
    "size of a step in units of t; without it and steps, the output times are the grid; methods of fixed steps only",
  ),
  steps: optional(
    count,
    undefined,
    "number of equal steps from the first to the last time; methods of fixed steps only",
  ),
};

/** Who watches a solve. */
export const watchSpec = {
  onStep: optional(
    callback<(step: StepReport) => void>(),
    undefined,
    "called after each attempted step while the solve runs",
  ),
  onStats: optional(
    callback<(stats: StatsReport) => void>(),
    undefined,
    "called with the counts of each solve, forward and backward, when it ends",
  ),
  signal: optional(
    abortSignal,
    undefined,
    'ends the solve with status "aborted" once raised: by onStep, or before the solve, which runs to its end in one go',
  ),
};

/** Options of how an integration steps. */
export type SteppingOptions = OptionsOf<typeof steppingSpec>;
/** Options that watch a solve. */
export type WatchOptions = OptionsOf<typeof watchSpec>;
/** What watches a solve. */
export type WatchSettings = SettingsOf<typeof watchSpec>;

/** How steps are chosen, checked and decided. */
export interface Stepping extends Pick<
  SettingsOf<typeof steppingSpec>,
  "firstStep" | "minStep" | "maxStep" | "maxSteps" | "stepSize" | "steps"
> {
  readonly controller: Controller;
}

/** A gradient mode by name, or with options of its own. */
export type GradientOption =
  | string
  | ({ readonly kind: string } & { readonly [option: string]: unknown });

/** Options that all solves share. */
export interface CommonOptions<Y extends Tree = Tree> extends SteppingOptions, WatchOptions {
  /** Norm of the scaled error; the largest root mean square of y's leaves unless given. */
  readonly norm?: Norm<Y> | undefined;
  /** How derivatives are computed: "direct", "checkpoint", "backsolve", or `{ kind, ...options }`. */
  readonly gradient?: GradientOption | undefined;
}

const foreign = {
  adaptive: ["stepSize", "steps"],
  fixed: ["firstStep", "minStep", "maxStep"],
} as const;

/**
 * The stepping that options ask for; `options` are as the user wrote them. Throws ArgumentError for combinations that make no sense, and
 * for options that the method does not use.
 */
export function steppingOf(
  who: string,
  options: object,
  settings: SettingsOf<typeof steppingSpec>,
  method: Method,
  controller: Controller,
): Stepping {
  const { firstStep, minStep, maxStep, maxSteps, stepSize, steps } = settings;
  if (minStep > maxStep)
    throw new ArgumentError(
      complaint(`${who}: minStep`, "a number from 0 to maxStep", describe(minStep)),
    );
  if (stepSize !== undefined && steps !== undefined)
    throw new ArgumentError(complaint(who, "stepSize or steps", "both"));
  const adaptive = isAdaptive(method);
  const unused = foreign[adaptive ? "adaptive" : "fixed"].find(
    (name) => (options as Readonly<Record<string, unknown>>)[name] !== undefined,
  );
  if (unused !== undefined)
    throw new ArgumentError(
      complaint(
        who,
        `options that ${method.name} uses`,
        unused,
        adaptive
          ? `${method.name} chooses its steps: give rtol and atol.`
          : `${method.name} takes fixed steps: give stepSize or steps.`,
      ),
    );
  return { controller, firstStep, minStep, maxStep, maxSteps, stepSize, steps };
}
