/** @file The public entrance of `adjoint/explain`: what a network looks at. */
import "../compile/evaluate.ts";
import "../ops/index.ts";

export { depthCam } from "./depth-cam.ts";
export type { DepthCamOptions, DepthExplanation } from "./depth-cam.ts";
export { ExplainError } from "./errors.ts";
export { explainer } from "./explainer.ts";
export type { Explainer } from "./explainer.ts";
export type { Explanation } from "./explanation.ts";
export * from "./figure/index.ts";
export * from "./judge/index.ts";
export type { Fold } from "./maps.ts";
export type { Method, MethodFacts, PassMethod, Probe, Study, StudyMethod } from "./method.ts";
export type { Baseline } from "./methods/batches.ts";
export * from "./methods/index.ts";
export type { BiasTerm } from "./network/biases.ts";
export type { Network, Score, TargetFunction } from "./network/pass.ts";
export type { BatchOptions, ClassChoice, ExplainOptions, RandomOptions } from "./options.ts";
