/** @file Options of solves: defaults, checks, and errors that list what is valid. */
import { ArgumentError, complaint, describe } from "../base/errors.ts";
import { checkOptions } from "../base/options.ts";
import type { Tree } from "../ir/tree.ts";
import type { Controller } from "./controllers/controller.ts";
import { controllers } from "./controllers/index.ts";
import type { Stepping } from "./loop.ts";
import type { Norm, Tolerance } from "./norm.ts";
import { type Solver, isAdaptive } from "./solver.ts";
import { solvers } from "./solvers/index.ts";
import type { StatsReport, StepReport } from "./status.ts";

/** How an integration steps. */
export interface SteppingOptions {
  /** "euler", "midpoint", "rk4", "rk4_38" (fixed steps), "bosh3", "dopri5", "tsit5" (adaptive). */
  readonly method?: string;
  /** Relative tolerance: a number, or a tree of tensors like y. */
  readonly rtol?: Tolerance;
  /** Absolute tolerance, in the units of y: a number, or a tree of tensors like y. */
  readonly atol?: Tolerance;
  /** "i", "pi", or what `iController` or `piController` made. */
  readonly controller?: string | Controller;
  /** Size of the first step, in units of t; estimated unless given. Adaptive methods only. */
  readonly firstStep?: number;
  /** A step that would have to be smaller ends the solve with "stepUnderflow"; 0 unless given. Adaptive methods only. */
  readonly minStep?: number;
  /** Largest step; unlimited unless given. Adaptive methods only. */
  readonly maxStep?: number;
  /** Attempted steps allowed in all; 100,000 unless given. */
  readonly maxSteps?: number;
  /** Methods of fixed steps: size of a step, in units of t. Without it and `steps`, the output times are the grid. */
  readonly stepSize?: number;
  /** Methods of fixed steps: number of equal steps from first to last time. */
  readonly steps?: number;
}

/** Options that watch a solve. */
export interface WatchOptions {
  /** Called after each attempted step while the solve runs. */
  readonly onStep?: (step: StepReport) => void;
  /** Called with the counts of each solve, forward and backward, when it ends. */
  readonly onStats?: (stats: StatsReport) => void;
  /** Ends the solve with status "aborted" when raised: by `onStep`, or before the solve, since a solve runs to its end in one go. */
  readonly signal?: AbortSignal;
}

/** A gradient mode by name, or with options of its own. */
export type GradientOption =
  | string
  | ({ readonly kind: string } & { readonly [option: string]: unknown });

/** Options that all solves share. */
export interface CommonOptions<Y extends Tree = Tree> extends SteppingOptions, WatchOptions {
  /** Norm of the scaled error; the largest root mean square of y's leaves unless given. */
  readonly norm?: Norm<Y>;
  /** How derivatives are computed: "direct", "checkpoint", "backsolve", or `{ kind, ...options }`. */
  readonly gradient?: GradientOption;
}

export const steppingNames: readonly string[] = [
  "method",
  "rtol",
  "atol",
  "controller",
  "firstStep",
  "minStep",
  "maxStep",
  "maxSteps",
  "stepSize",
  "steps",
];
export const commonNames: readonly string[] = [
  ...steppingNames,
  "onStep",
  "onStats",
  "signal",
  "norm",
  "gradient",
];

/** Throws ArgumentError for an option that is not among `known`, listing those. */
export const checkNames: typeof checkOptions = checkOptions;

/** The solver of a name. Throws ArgumentError listing all. */
export function chooseSolver(who: string, method: unknown): Solver {
  const solver = typeof method === "string" ? solvers.get(method) : undefined;
  if (solver === undefined)
    throw new ArgumentError(
      complaint(`${who}: method`, `one of ${[...solvers.keys()].join(", ")}`, describe(method)),
    );
  return solver;
}

/** The controller of a name, or the one given. Throws ArgumentError listing all. */
export function chooseController(who: string, controller: unknown): Controller {
  if (typeof controller === "string" && Object.hasOwn(controllers, controller))
    return controllers[controller]!();
  if (
    typeof controller === "object" &&
    controller !== null &&
    typeof (controller as Controller).begin === "function" &&
    typeof (controller as Controller).key === "string"
  )
    return controller as Controller;
  throw new ArgumentError(
    complaint(
      `${who}: controller`,
      `one of ${Object.keys(controllers).join(", ")}, or a controller`,
      describe(controller),
    ),
  );
}

/** Checked stepping for a solver. Throws ArgumentError for values that make no sense, or that the method cannot use. */
export function chooseStepping(
  who: string,
  options: SteppingOptions,
  solver: Solver,
  controller: Controller,
): Stepping {
  const {
    firstStep,
    minStep = 0,
    maxStep = Infinity,
    maxSteps = 100_000,
    stepSize,
    steps,
  } = options;
  const positive = (name: string, value: number | undefined): void => {
    if (value !== undefined && !(typeof value === "number" && value > 0))
      throw new ArgumentError(complaint(`${who}: ${name}`, "a positive number", describe(value)));
  };
  const count = (name: string, value: number | undefined): void => {
    if (value !== undefined && !(Number.isInteger(value) && value > 0))
      throw new ArgumentError(complaint(`${who}: ${name}`, "a positive integer", describe(value)));
  };
  positive("firstStep", firstStep);
  positive("maxStep", maxStep);
  positive("stepSize", stepSize);
  if (!(typeof minStep === "number" && minStep >= 0 && minStep <= maxStep))
    throw new ArgumentError(
      complaint(`${who}: minStep`, "a number from 0 to maxStep", describe(minStep)),
    );
  if (maxSteps !== Infinity) count("maxSteps", maxSteps);
  count("steps", steps);
  if (stepSize !== undefined && steps !== undefined)
    throw new ArgumentError(complaint(who, "stepSize or steps", "both"));
  const foreign = isAdaptive(solver) ? ["stepSize", "steps"] : ["firstStep", "minStep", "maxStep"];
  for (const name of foreign)
    if ((options as Record<string, unknown>)[name] !== undefined)
      throw new ArgumentError(
        complaint(
          who,
          `options that ${solver.name} uses`,
          name,
          isAdaptive(solver)
            ? `${solver.name} chooses its steps: give rtol and atol.`
            : `${solver.name} takes fixed steps: give stepSize or steps.`,
        ),
      );
  return { controller, firstStep, minStep, maxStep, maxSteps, stepSize, steps };
}

/** The callbacks and the signal that were given. Throws ArgumentError where one is something else. */
export function chooseWatchers(
  who: string,
  { onStep, onStats, signal }: WatchOptions,
): WatchOptions {
  for (const [name, callback] of Object.entries({ onStep, onStats }))
    if (callback !== undefined && typeof callback !== "function")
      throw new ArgumentError(complaint(`${who}: ${name}`, "a function", describe(callback)));
  if (signal !== undefined && typeof (signal as Partial<AbortSignal> | null)?.aborted !== "boolean")
    throw new ArgumentError(
      complaint(
        `${who}: signal`,
        "an AbortSignal",
        describe(signal),
        "Of an AbortController give its .signal.",
      ),
    );
  return { ...(onStep && { onStep }), ...(onStats && { onStats }), ...(signal && { signal }) };
}

/** Equal for equal stepping. */
export function steppingKey(stepping: Stepping): string {
  const { controller, firstStep, minStep, maxStep, maxSteps, stepSize, steps } = stepping;
  return [controller.key, firstStep, minStep, maxStep, maxSteps, stepSize, steps].join(",");
}
