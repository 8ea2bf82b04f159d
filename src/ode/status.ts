/** @file How a solve ends, and the error that a failed one becomes if it cannot be a value. */
import { AdjointError } from "../base/errors.ts";

/** How a solve ended. All but "success" and "event" are failures; what was reached before stays available. */
export type SolveStatus =
  | "success"
  | "event"
  | "maxSteps"
  | "stepUnderflow"
  | "nonFinite"
  | "nonlinearDivergence"
  | "aborted";

/** Where and why an integration stopped short. */
export interface Failure {
  readonly status: Exclude<SolveStatus, "success" | "event">;
  /** Time reached. */
  readonly t: number;
  /** Size of the step that was being attempted there. */
  readonly h: number;
  /** Attempted steps so far, rejected ones included. */
  readonly steps: number;
  /** The first stage (from 1) with a value that is not finite, if that is the failure. */
  readonly stage?: number;
}

const advice: Record<Failure["status"], string> = {
  maxSteps: "Raise maxSteps, loosen rtol and atol, or look for a stiff region.",
  stepUnderflow:
    "The problem is stiff or has a singularity there: loosen rtol and atol, integrate a shorter span, or rescale the problem.",
  nonFinite:
    "f is not finite there (or overflows on the way): check f and the parameters at this time; a smaller firstStep or maxStep helps where f is only defined nearby.",
  nonlinearDivergence: "The implicit equations of a step could not be solved: use smaller steps.",
  aborted: "The AbortSignal given as `signal` was raised.",
};

/** One sentence on what happened and what to do. */
function describeFailure(who: string, failure: Failure): string {
  const { status, t, h, steps, stage } = failure;
  const where = `at t = ${t} after ${steps} steps (step size ${h}${stage === undefined ? "" : `, stage ${stage}`})`;
  return `${who}: ended with status "${status}" ${where}. ${advice[status]}`;
}

/** A solve that failed although its value was needed: thrown by `odeint`, and by compiled programs when they run. */
export class SolveError extends AdjointError {
  override readonly name: string = "SolveError";
  readonly status: Failure["status"];
  readonly t: number;
  readonly h: number;
  readonly steps: number;
  readonly stage: number | undefined;

  constructor(who: string, failure: Failure) {
    super(describeFailure(who, failure));
    this.status = failure.status;
    this.t = failure.t;
    this.h = failure.h;
    this.steps = failure.steps;
    this.stage = failure.stage;
  }
}

/** What a solve has done so far. */
export interface SolveStats {
  /** Calls of f (for a backward solve: of f with its vector-Jacobian products). */
  evaluations: number;
  /** Attempted steps: accepted + rejected. */
  steps: number;
  accepted: number;
  rejected: number;
}

/** Work done by one solve, told to `onStats` while the program runs. */
export interface StatsReport extends Readonly<SolveStats> {
  readonly direction: "forward" | "backward";
}

/** One attempted step, told to `onStep`. */
export interface StepReport {
  /** Start of the step. */
  readonly t: number;
  /** Signed size. */
  readonly h: number;
  /** Scaled error estimate, accepted up to 1; 0 for methods of fixed steps. */
  readonly error: number;
  readonly accepted: boolean;
  /** Attempted steps so far, this one included. */
  readonly steps: number;
  readonly direction: "forward" | "backward";
}
