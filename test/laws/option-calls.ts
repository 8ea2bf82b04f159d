/** @file Functions that take options, each with options that are right: what the law of messages runs over. */
import type { Schema, Spec } from "../../src/base/options.ts";
import { tensor, zeros } from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";
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

const inner = (): nn.Dense => nn.dense({ units: 2, inputShape: [2] });

export const calls: readonly OptionCall[] = [
  ...layers,
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
