/** @file What a solve is, apart from the tensors it runs on; and what a gradient mode is. Types only. */
import type { HostContext, HostOp } from "../ir/host.ts";
import type { Stepping, Watchers } from "./loop.ts";
import type { StepMachine } from "./machine.ts";
import type { WatchOptions } from "./options.ts";
import type { StepPlan } from "./step-graphs.ts";

/** Everything about a solve but its tensors. */
export interface Problem {
  /** Who complains in errors. */
  readonly who: string;
  readonly plan: StepPlan;
  readonly stepping: Stepping;
  readonly gradient: Gradient;
  readonly watch: WatchOptions;
}

/** What tells apart solves of one problem. */
export interface SolveVariant {
  /** Number of times, the first included. */
  readonly rows: number;
  /** Whether the caller waits with a session (session.ts). */
  readonly eager?: boolean;
  /** Set where a backward operation will follow. */
  readonly record?: object;
}

/** What a forward solve leaves for the backward one. Lives as long as the program that contains both. */
export interface Recorder {
  /** Forgets the last run, before a new one. */
  begin(): void;
  /** What to note while the solve runs. */
  readonly watch: Pick<Watchers, "onAccept" | "onOutput">;
  /** Called when the solve has succeeded. */
  finish(): void;
}

/** A gradient mode with its options checked: how the derivative of a solve's outputs by its state and parameters is computed. */
export interface Gradient {
  readonly name: string;
  /** Equal for equal modes and options. */
  readonly key: string;
  /** Makes what the forward solve of a program records; absent where the outputs are enough. */
  recorder?(context: HostContext, machine: StepMachine, rows: number): Recorder;
  /**
   * The backward operation. Inputs: outputs of the solve (a leaf each, rows first), their cotangents, the times, then
   * parameters and extras. Outputs: the adjoint at the first time without the first row's cotangent, a leaf each, then the
   * gradients by the parameters listed in `wanted`. `record` is the key under which the forward solve shares its recorder.
   */
  backward(problem: Problem, rows: number, wanted: readonly number[], record: object): HostOp;
}

/** A gradient mode: checks its options (ArgumentError naming `who`). */
export interface GradientMode {
  readonly name: string;
  configure(who: string, options: Readonly<Record<string, unknown>>): Gradient;
}
