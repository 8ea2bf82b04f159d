/** @file Every layer. A layer is one file here and one line below. */
export { Dense, dense } from "./dense.ts";
export type { DenseOptions } from "./dense.ts";
export { Sequential, sequential } from "./sequential.ts";
export type { ForwardModule, SequentialItem } from "./sequential.ts";
