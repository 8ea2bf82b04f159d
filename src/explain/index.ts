/** @file The public entrance of `adjoint/explain`: what a network looks at. */
import "../compile/evaluate.ts";
import "../ops/index.ts";

export { ExplainError } from "./errors.ts";
export type { Explainer } from "./explain.ts";
export type { Explanation } from "./explanation.ts";
export type { Fold } from "./maps/fold.ts";
export type { Method, MethodFacts, Parts, PassMethod } from "./method.ts";
export * from "./methods/index.ts";
export type { Network } from "./network/pass.ts";
export type { Score, TargetFunction } from "./network/readout.ts";
export type { ClassChoice, ExplainOptions } from "./request.ts";
export * from "./judge/index.ts";
export * from "./shapes/index.ts";
