/** @file Functions that take options, each with options that are right: what the law of messages runs over. */
import type { Schema, Spec } from "../../src/base/options.ts";
import { type Tensor, tensor, zeros } from "../../src/index.ts";
import * as models from "../../src/models/index.ts";
import * as nn from "../../src/nn/index.ts";
import { gradientModes } from "../../src/ode/adjoints/index.ts";
import * as ode from "../../src/ode/index.ts";
import { shapes } from "../../src/shapes/index.ts";

export interface OptionCall {
  readonly name: string;
  readonly call: (options: object) => unknown;
  /** Options that are right. */
  readonly base: Readonly<Record<string, unknown>>;
  /** Settings of the schema that the function fills in from its other arguments. */
  readonly filled?: readonly string[];
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

const architectures = models.architectures.map(({ name, outline, leastSize }): OptionCall => ({
  name,
  // The weights are left out: with them a network is promised, and read from a file.
  call: (o) => outline(o as never),
  base: { inputShape: [leastSize, leastSize, 3] },
}));

const picture = { width: 2, height: 2, data: new Uint8Array(12) };

const inner = (): nn.Dense => nn.dense({ units: 2, inputShape: [2] });

const decay = (_t: Tensor, y: Tensor): Tensor => y.neg();
const y0 = zeros([2]);
const ralston = { name: "ralston", order: 2, a: [[], [2 / 3]], b: [1 / 4, 3 / 4] };
const euler: ode.OneStepOptions = {
  name: "euler",
  order: 1,
  step: ({ f, t, y, sum }) => ({ y: sum([1], [f(t, y)]) }),
};
const mode =
  (name: string) =>
  (o: object): unknown =>
    gradientModes.get(name)!.configure(`gradient ${name}`, o as Record<string, unknown>);

export const calls: readonly OptionCall[] = [
  ...layers,
  { name: "residual", call: (o) => nn.residual(inner(), o), base: {}, filled: ["body"] },
  { name: "sequential", call: (o) => nn.sequential([inner()], o), base: {} },
  { name: "randomNormal", call: (o) => nn.initializers.randomNormal(o), base: {} },
  { name: "truncatedNormal", call: (o) => nn.initializers.truncatedNormal(o), base: {} },
  { name: "randomUniform", call: (o) => nn.initializers.randomUniform(o), base: {} },
  { name: "varianceScaling", call: (o) => nn.initializers.varianceScaling(o), base: {} },
  { name: "odeint", call: (o) => ode.odeint(decay, y0, [0, 1], o), base: {} },
  { name: "odeintAdjoint", call: (o) => ode.odeintAdjoint(decay, y0, [0, 1], o), base: {} },
  { name: "solve", call: (o) => ode.solve(decay, y0, o as never), base: { t0: 0, t1: 1 } },
  {
    name: "reconstructionError",
    call: (o) => ode.reconstructionError(decay, y0, [0, 1], o),
    base: {},
  },
  { name: "checkpoint", call: mode("checkpoint"), base: {} },
  { name: "backsolve", call: mode("backsolve"), base: {} },
  { name: "iController", call: (o) => ode.iController(o), base: {} },
  { name: "piController", call: (o) => ode.piController(o), base: {} },
  { name: "rungeKutta", call: (o) => ode.rungeKutta(o as never), base: ralston },
  { name: "oneStep", call: (o) => ode.oneStep(o as never), base: { ...euler } },
  { name: "odeBlock", call: (o) => nn.odeBlock(inner(), o), base: {} },
  ...architectures,
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
  { name: "shapes", call: (o) => shapes(o as never), base: { count: 1, size: 16 } },
  {
    name: "crossEntropy",
    call: (o) => nn.crossEntropy(zeros([1, 2]), tensor([0], { dtype: "int32" }), o),
    base: {},
  },
];
