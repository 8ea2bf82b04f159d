/** @file Networks: modules, layers, activations, initialisers and losses. */
import "../compile/evaluate.ts";
import "../ops/index.ts";

export * as activations from "./activations.ts";
export { activationOf } from "./activations.ts";
export type { Activation, ActivationName } from "./activations.ts";
export * as initializers from "./initializers.ts";
export type { Initializer, InitializerName } from "./initializers.ts";
export { Layer } from "./layer.ts";
export type { LayerOptions, Setting } from "./layer.ts";
export * from "./layers/index.ts";
export { huber, losses, meanAbsoluteError, meanSquaredError } from "./losses.ts";
export { Module } from "./module.ts";
