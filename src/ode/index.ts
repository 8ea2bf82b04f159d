/** @file The public entrance of `adjoint/ode`: initial value problems and their gradients. */
import "../compile/evaluate.ts";
import "../ops/index.ts";

export { odeint, odeintAdjoint } from "./odeint.ts";
export type { OdeintAdjointOptions } from "./odeint.ts";
export { solve } from "./solve.ts";
export type { SaveAt, SolveOptions } from "./solve.ts";
export { Solution } from "./solution.ts";
export { SolveError } from "./status.ts";
export type { Failure, SolveStats, SolveStatus, StatsReport, StepReport } from "./status.ts";
export type { CommonOptions, GradientOption, SteppingOptions, WatchOptions } from "./options.ts";
export type { BacksolveOptions } from "./adjoints/backsolve.ts";
export type { CheckpointOptions } from "./adjoints/discrete.ts";
export { adjointTrajectory, reconstructionError } from "./diagnostics.ts";
export type { AdjointTrajectory, Reconstruction } from "./diagnostics.ts";
export type { VectorField } from "./field.ts";
export type { Norm, Tolerance } from "./norm.ts";
export type { Time, Times } from "./times.ts";
export { iController, piController } from "./controllers.ts";
export type { Controller, FactorLimits, PiOptions, StepSizeRule } from "./controllers.ts";
export { oneStep, rungeKutta } from "./methods/own.ts";
export type { OneStepOptions, RungeKuttaOptions } from "./methods/own.ts";
export type { Method, Slope, StepEnd, StepStart } from "./stepper.ts";
