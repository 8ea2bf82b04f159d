/** @file The public entrance of `adjoint/explain`: what a network looks at. */
import "../compile/evaluate.ts";
import "../ops/index.ts";

export type { Baseline } from "./baseline.ts";
export type { BatchOptions, RandomOptions } from "./batches.ts";
export { depthCam } from "./depth/depth-cam.ts";
export type { DepthCamOptions, DepthExplanation } from "./depth/depth-cam.ts";
export { ExplainError } from "./errors.ts";
export { explainer } from "./explain.ts";
export type { Explainer } from "./explain.ts";
export type { Explanation } from "./explanation.ts";
export * from "./figure/index.ts";
export type { Fold } from "./maps/fold.ts";
export type { Batch, Method, MethodFacts, PassMethod, Study, StudyMethod } from "./method.ts";
export * from "./methods/index.ts";
export type { BiasTerm } from "./network/biases.ts";
export type { Parts } from "./network/parts.ts";
export type { Network } from "./network/pass.ts";
export type { Score, TargetFunction } from "./network/readout.ts";
export type { ClassChoice, ExplainOptions } from "./options.ts";
export * from "./judge/index.ts";
