/** @file Every layer. A chapter declares layers of one topic, each once; what else there is to know of a layer follows from that. */
export * from "./activation-layers.ts";
export * from "./arithmetic.ts";
export * from "./convolutions.ts";
export * from "./dense.ts";
export { Lambda, lambda } from "./lambda.ts";
export type { LambdaFunction } from "./lambda.ts";
export * from "./merging.ts";
export * from "./normalizing.ts";
export { OdeBlock, odeBlock } from "./ode-block.ts";
export type { Dynamics, OdeBlockOptions } from "./ode-block.ts";
export * from "./pooling.ts";
export * from "./preprocessing.ts";
export { Residual, residual } from "./residual.ts";
export type { ResidualOptions } from "./residual.ts";
export { Sequential, sequential } from "./sequential.ts";
export * from "./shaping.ts";
