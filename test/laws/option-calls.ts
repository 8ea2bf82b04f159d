/** @file Functions that take options, each with options that are right: what the law of messages runs over. */
import type { Schema, Spec } from "../../src/base/options.ts";
import { gzipSync } from "node:zlib";
import {
  animate,
  colourise,
  depthCam,
  figure,
  judge,
  originalFigure,
  overlay,
  parameterRandomisation,
  svgToPng,
} from "../../src/explain/index.ts";
import { methods } from "../../src/explain/methods/index.ts";
import { type Tensor, jit, tensor, zeros } from "../../src/index.ts";
import * as models from "../../src/models/index.ts";
import * as nn from "../../src/nn/index.ts";
import * as ode from "../../src/ode/index.ts";
import * as optim from "../../src/optim/index.ts";
import * as series from "../../src/series/index.ts";
import { shapes } from "../../src/shapes/index.ts";

export interface OptionCall {
  readonly name: string;
  readonly call: (options: object) => unknown;
  /** Options that are right. */
  readonly base: Readonly<Record<string, unknown>>;
  /** Settings of the schema that the function fills in from its other arguments. */
  readonly filled?: readonly string[];
  /** Whether the options lie within others, so that something else in their place is not seen as such. */
  readonly within?: boolean;
}

/** Values among which each kind of required option finds one. */
const samples: readonly unknown[] = [
  1,
  0.5,
  "relu",
  "add",
  "exp",
  "mean",
  [1],
  [1, 2],
  [[0, 1]],
  true,
  () => undefined,
  [nn.flatten()],
];

/** Options of a schema that are right: those that are required. */
function rightFor({ spec }: Schema<Spec>): Record<string, unknown> {
  const needed = Object.entries(spec).filter(([, option]) => option.needed);
  return Object.fromEntries(
    needed.map(([name, { kind }]) => {
      const found = samples.find((value) => {
        try {
          kind.read("sample", value, Error);
          return true;
        } catch {
          return false;
        }
      });
      if (found === undefined) throw new Error(`no sample of ${name}, ${kind.expected}`);
      return [name, found];
    }),
  );
}

type Factory = (options: object) => unknown;
type Declared = {
  readonly declaration?: { readonly kind: string; readonly options: Schema<Spec> };
};

/** Layers whose first argument is something else than options. */
const special = new Set(["residual", "odeBlock"]);

const layers = Object.values(nn as object).flatMap((one: unknown): OptionCall[] => {
  const declaration = typeof one === "function" ? (one as Declared).declaration : undefined;
  if (declaration === undefined || special.has(declaration.kind)) return [];
  const { kind, options } = declaration;
  const call = (nn as unknown as Record<string, Factory>)[kind]!;
  const filled = kind === "normalization" ? ["constants"] : [];
  return [{ name: kind, call, base: rightFor(options), filled }];
});

const inner = (): nn.Dense => nn.dense({ units: 2, inputShape: [2] });

const decay = (_t: Tensor, y: Tensor): Tensor => y.neg();
const y0 = tensor([1], { dtype: "float64" });
const ends = { t0: 0, t1: 1 };
const solves: readonly OptionCall[] = [
  { name: "odeint", call: (o) => ode.odeint(decay, y0, [0, 1], o), base: {} },
  { name: "odeintAdjoint", call: (o) => ode.odeintAdjoint(decay, y0, [0, 1], o), base: {} },
  { name: "solve", call: (o) => ode.solve(decay, y0, o as never), base: ends },
  {
    name: "reconstructionError",
    call: (o) => ode.reconstructionError(decay, y0, [0, 1], o),
    base: {},
  },
  ...["direct", "checkpoint", "backsolve"].map((kind): OptionCall => ({
    name: `gradient ${kind}`,
    call: (o) => ode.odeint(decay, y0, [0, 1], { gradient: { kind, ...o } }),
    base: {},
    within: true,
  })),
  { name: "iController", call: (o) => ode.iController(o), base: {} },
  { name: "piController", call: (o) => ode.piController(o), base: {} },
  {
    name: "rungeKutta",
    call: (o) => ode.rungeKutta(o as never),
    base: { name: "mine", order: 1, a: [[]], b: [1] },
  },
  {
    name: "oneStep",
    call: (o) => ode.oneStep(o as never),
    base: { name: "mine", order: 1, step: () => undefined },
  },
  {
    name: "odeBlock",
    call: (o) => nn.odeBlock(inner(), o),
    base: {},
    filled: ["dynamics", "solver"],
  },
];

const image = zeros([1, 6, 6, 1]);
const same = nn.conv2d({ filters: 2, kernelSize: 3, padding: "same" });
const network = nn.sequential(
  [
    nn.conv2d({ filters: 2, kernelSize: 3, activation: "relu" }),
    nn.odeBlock(same, { method: "euler", steps: 1 }),
    nn.globalAveragePool2d(),
    nn.dense({ units: 2 }),
  ],
  { inputShape: [6, 6, 1] },
);
const explanations: readonly OptionCall[] = [
  ...Object.entries(methods).map(([name, method]): OptionCall => ({
    name,
    call: (o) => (method as unknown as (...given: unknown[]) => unknown)(network, image, o),
    base: { classIndex: 0 },
  })),
  { name: "depthCam", call: (o) => depthCam(network, image, o), base: { classIndex: 0 } },
];

const picture = { width: 6, height: 6, channels: 3, data: new Uint8Array(108) } as never;
const map = { values: new Float32Array(36), shape: [6, 6] } as never;
const subject = { image, map, classIndex: 0 };
const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"></svg>';
const figures: readonly OptionCall[] = [
  { name: "colourise", call: (o) => colourise(map, o), base: {} },
  { name: "overlay", call: (o) => overlay(picture, map, o), base: {} },
  { name: "figure", call: (o) => figure([{ title: "map", map }], o), base: {} },
  { name: "animate", call: (o) => animate([{ picture }], o), base: {} },
  { name: "svgToPng", call: (o) => svgToPng(svg, o), base: {} },
  {
    name: "originalFigure",
    call: (o) => originalFigure(picture, map, o as never),
    base: { classIndex: 0, className: "class", layer: "conv" },
  },
  {
    name: "judge",
    call: (o) => judge(network, [subject], o),
    base: { metrics: ["deletion"], steps: 2 },
  },
  {
    name: "parameterRandomisation",
    call: (o) => parameterRandomisation(network, () => [map], o),
    base: {},
  },
];

const files: readonly OptionCall[] = [
  ...models.architectures.map(({ name, outline, leastSize }): OptionCall => ({
    name,
    // The weights are left out: with them a network is promised, and read from a file.
    call: (o) => outline(o as never),
    base: { inputShape: [leastSize, leastSize, 3] },
  })),
  {
    name: "loadModel",
    call: (o) => models.loadModel(models.encodeModel(nn.sequential([inner()]), "safetensors"), o),
    base: {},
  },
  {
    name: "preprocess",
    call: (o) => models.preprocess(picture, o as never),
    base: { mode: "tf" },
  },
  { name: "decodePredictions", call: (o) => models.decodePredictions([0.5], o), base: {} },
];

const x = zeros([4, 2]);
const y = zeros([4], { dtype: "int32" });
const loss = (model: nn.Dense, batch: { readonly x: Tensor }): Tensor =>
  model.forward(batch.x).mean();
const adam = optim.adam({ learningRate: 0.1 });
const { schedules } = optim;
const fitted = { loss: nn.crossEntropy, optimizer: adam, epochs: 1, batchSize: 4 };
const fitting = (options: object): unknown =>
  optim.fit(inner(), { x, y }, { ...fitted, ...options } as never);
const trainings: readonly OptionCall[] = [
  { name: "sgd", call: (o) => optim.sgd(o as never), base: { learningRate: 0.1 } },
  { name: "rmsprop", call: (o) => optim.rmsprop(o as never), base: { learningRate: 0.1 } },
  { name: "adam", call: (o) => optim.adam(o as never), base: { learningRate: 0.1 } },
  { name: "adamw", call: (o) => optim.adamw(o as never), base: { learningRate: 0.1 } },
  { name: "scaleByAdam", call: (o) => optim.scaleByAdam(o as never), base: {} },
  { name: "scaleByRms", call: (o) => optim.scaleByRms(o as never), base: {} },
  {
    name: "linear",
    call: (o) => schedules.linear(o as never),
    base: { from: 1, to: 0, steps: 3 },
  },
  { name: "cosine", call: (o) => schedules.cosine(o as never), base: { from: 1, steps: 3 } },
  {
    name: "exponential",
    call: (o) => schedules.exponential(o as never),
    base: { from: 1, rate: 0.5, steps: 3 },
  },
  {
    name: "piecewise",
    call: (o) => schedules.piecewise(o as never),
    base: { boundaries: [1], values: [1, 2] },
  },
  { name: "warmup", call: (o) => schedules.warmup(o as never), base: { to: 1, steps: 3 } },
  { name: "trainer", call: (o) => optim.trainer(inner(), loss, adam, o), base: {} },
  { name: "fit", call: fitting, base: fitted, within: true },
  {
    name: "fit: earlyStopping",
    call: (earlyStopping) => fitting({ earlyStopping }),
    base: { monitor: "loss" },
    within: true,
  },
  {
    name: "fit: checkpoint",
    call: (checkpoint) => fitting({ checkpoint }),
    base: { path: { read: async () => undefined, write: async () => undefined } },
    within: true,
  },
  {
    name: "evaluate",
    call: (o) => optim.evaluate(inner(), { x, y }, { accuracy: nn.metrics.accuracy }, o),
    base: {},
  },
  { name: "predict", call: (o) => optim.predict(inner(), x, o as never), base: {} },
  { name: "batches", call: (o) => optim.batches({ x, y }, o), base: {} },
  { name: "randomFlip", call: (o) => optim.randomFlip(o), base: {} },
  { name: "randomCrop", call: (o) => optim.randomCrop(o as never), base: { size: 2 } },
  { name: "randomShift", call: (o) => optim.randomShift(o as never), base: {} },
  { name: "gunzip", call: (o) => optim.gunzip(gzipSync("text"), o), base: {} },
  {
    name: "readIdx",
    call: (o) => optim.readIdx(Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 1, 7), o),
    base: {},
  },
];

const times = [0, 1, 2, 3, 4, 5, 6, 7];
const table = { t: times, x: times.map((t) => 1 + (t % 3)) };
const short = { iterations: 1, hidden: [2] };
const timeSeries: readonly OptionCall[] = [
  { name: "seriesFrom", call: (o) => series.seriesFrom(table, o), base: {} },
  {
    name: "fitSeries",
    call: (o) => series.fitSeries(series.seriesFrom(table), o),
    base: short,
  },
  {
    name: "fitSeries: checkpoint",
    call: (checkpoint) =>
      series.fitSeries(series.seriesFrom(table), { ...short, checkpoint: checkpoint as never }),
    base: { path: { read: async () => undefined, write: async () => undefined } },
    within: true,
  },
];

export const calls: readonly OptionCall[] = [
  { name: "input", call: (o) => nn.input(o as never), base: { shape: [2] } },
  { name: "summary", call: (o) => nn.sequential([inner()]).summary(o), base: {} },
  { name: "jit", call: (o) => jit((a: Tensor) => a, o), base: {} },
  ...layers,
  ...solves,
  ...explanations,
  ...figures,
  ...files,
  ...trainings,
  ...timeSeries,
  { name: "residual", call: (o) => nn.residual(inner(), o), base: {}, filled: ["body"] },
  { name: "sequential", call: (o) => nn.sequential([inner()], o), base: {} },
  { name: "randomNormal", call: (o) => nn.initializers.randomNormal(o), base: {} },
  { name: "truncatedNormal", call: (o) => nn.initializers.truncatedNormal(o), base: {} },
  { name: "randomUniform", call: (o) => nn.initializers.randomUniform(o), base: {} },
  { name: "varianceScaling", call: (o) => nn.initializers.varianceScaling(o), base: {} },
  { name: "shapes", call: (o) => shapes(o as never), base: { count: 1, size: 16 } },
  {
    name: "crossEntropy",
    call: (o) => nn.crossEntropy(zeros([1, 2]), tensor([0], { dtype: "int32" }), o),
    base: {},
  },
];
