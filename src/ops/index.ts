/** @file What can be computed with tensors: functions, the same as methods, and random numbers. */
import "./methods.ts";

export { conv2d, conv2dTranspose, depthwiseConv2d } from "./images.ts";
export type { Conv2dOptions, Conv2dTransposeOptions, DepthwiseConv2dOptions } from "./images.ts";
export {
  arange,
  eye,
  full,
  iota,
  linspace,
  ones,
  onesLike,
  scalar,
  tensor,
  zeros,
  zerosLike,
} from "./creation.ts";
export type { DTypeOption, TensorData, TensorOptions } from "./creation.ts";
export * from "./elementwise.ts";
export * from "./functions.ts";
export { gather, oneHot, scatterAdd, take, takeAlongAxis } from "./indexing.ts";
export type { Indices } from "./indexing.ts";
export * from "./linear.ts";
export type { TensorMethods } from "./methods.ts";
export type { TensorLike } from "./operand.ts";
export { averagePool2d, maxPool2d, maxPool2dIndices } from "./images.ts";
export type { Pool2dOptions } from "./images.ts";
export * as random from "./random.ts";
export * from "./reductions.ts";
export * from "./shaping.ts";
export type { Padding, PairLike } from "./images.ts";
