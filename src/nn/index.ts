/** @file Networks: modules, layers, activations, initialisers and losses. */
import "../compile/evaluate.ts";
import "../ops/index.ts";

export { optional, required, sameAs } from "../base/options.ts";
export type { Kind, Option, OptionsOf, SettingsOf, Spec } from "../base/options.ts";
export * as activations from "./activations.ts";
export type { Activation, ActivationName } from "./activations.ts";
export * as initializers from "./initializers.ts";
export type { Initializer, InitializerName } from "./initializers.ts";
export { InputLayer, input } from "./graph/input.ts";
export type { InputOptions } from "./graph/input.ts";
export { Model, model } from "./graph/model.ts";
export type {
  ForwardModule,
  ModelOptions,
  SequentialItem,
  SymbolOrList,
  TensorsOf,
} from "./graph/model.ts";
export { SymbolicTensor } from "./graph/symbolic.ts";
export { child, factory, layer, state, weight } from "./declare.ts";
export type { Declaration, DeclaredLayer, Definition, LayerClass, OptionsFor } from "./declare.ts";
export { activationOf } from "./kinds.ts";
export * as kinds from "./kinds.ts";
export type { BordersOption, PaddingOption, PairOption } from "./kinds.ts";
export { Layer } from "./layer.ts";
export type {
  AnyLayer,
  Child,
  LayerOptions,
  ModelLayer,
  Outline,
  ParameterSpec,
  Setting,
  Specs,
} from "./layer.ts";
export * from "./layers/index.ts";
export {
  binaryCrossEntropy,
  categoricalHinge,
  cosineSimilarity,
  crossEntropy,
  hinge,
  huber,
  kullbackLeibler,
  logCosh,
  losses,
  meanAbsoluteError,
  meanAbsolutePercentageError,
  meanSquaredError,
  meanSquaredLogarithmicError,
  poisson,
  squaredHinge,
} from "./losses.ts";
export type { CrossEntropyOptions, LossName } from "./losses.ts";
export * as metrics from "./metrics.ts";
export type { CountingMetric, Metric } from "./metrics.ts";
export { collectUpdates, inference, training } from "./mode.ts";
export type { Mode } from "./mode.ts";
export { Module, statePaths } from "./module.ts";
export type { SummaryOptions } from "./summary.ts";
