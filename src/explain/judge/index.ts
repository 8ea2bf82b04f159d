/** @file Judging maps: `judge`, and the metrics that it knows. */
export { judge } from "./judge.ts";
export type { JudgeOptions, Verdict } from "./judge.ts";
export type { Metric, MetricSettings, Variants } from "./metric.ts";
export { metrics } from "./registry.ts";
export type { Case, Subject } from "./subject.ts";
export { parameterRandomisation } from "./randomisation.ts";
export type { RandomisationOptions, RandomisationStep } from "./randomisation.ts";
