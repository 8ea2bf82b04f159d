/** @file Time series: a neural ODE fitted to columns of numbers, its forecasts, and the model as JSON. Runs in Node and in browsers. */
import "../compile/evaluate.ts";

export { CheckpointError } from "../optim/checkpoint.ts";
export type { CheckpointStore } from "../optim/training.ts";
export { fitSeries } from "./fit.ts";
export type { FitSeriesOptions, FittedSeries, LossPoint } from "./fit.ts";
export { forecast, forecaster, planeField } from "./forecast.ts";
export type { Forecaster, Trajectory } from "./forecast.ts";
export { decodeSeriesModel, encodeSeriesModel } from "./model.ts";
export type { Architecture, SeriesModel, TrainingRecord, Weight } from "./model.ts";
export { SeriesError } from "./options.ts";
export type { Activation, ColumnOptions, FitProgress, ScaleKind } from "./options.ts";
export type { ColumnScaling, Scaling } from "./scaling.ts";
export { readSeries, seriesFrom } from "./table.ts";
export type { Series, Table, TableRow } from "./table.ts";
