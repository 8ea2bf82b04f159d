// Workload G: typical layers one by one (layers.json): `G.<name>.forward`, a jitted call whose parameters are constants as in
// a model in use, and `G.<name>.gradient`, the gradients of sum(output * cotangent) by inputs and parameters.
// copy_ms is the part of a call that hands inputs in and results out: a program of the same arguments and results that
// computes (almost) nothing, called in turns with the other; its tenth percentile, to be taken from that of the call.
// `only` picks layers by a part of their names.

import { readFileSync } from "node:fs";
import { type Tensor, flattenTree, jit, random, vjp, zeros } from "adjoint";
import * as nn from "adjoint/nn";
import { type Measurement, quantile, sampleInTurns, summarise } from "./measure.ts";
import type { Options } from "./workload.ts";

interface Entry {
  readonly name: string;
  readonly kind: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** With the batch, channels last. */
  readonly inputs: readonly (readonly number[])[];
}

type Maker = (options: object) => nn.AnyLayer;

/** As in bench/peers/ort_layers.mjs. */
const repetition = { samples: 1000, warmup: 20, budgetMs: 1200 };

function* measure(name: string, work: () => unknown, copy: () => unknown): Iterable<Measurement> {
  const { first, second } = sampleInTurns(work, copy, repetition);
  yield summarise(name, first, { copy_ms: Number(quantile(second, 1).toFixed(5)) });
}

/** A program that takes inputs and gives results of shapes, and does no more than it must. */
function nothing(shapes: readonly (readonly number[])[]): (inputs: Tensor[]) => Tensor[] {
  return jit((inputs: Tensor[]) => {
    const seen = inputs.map((x) => x.flatten().slice([0], [1]).sum());
    const some = seen.reduce((a, b) => a.add(b));
    return shapes.map((shape) => zeros([...shape]).add(some));
  });
}

function* layer({ name, kind, options, inputs: shapes }: Entry): Iterable<Measurement> {
  const made = (nn as unknown as Record<string, Maker>)[kind]!(options);
  const samples = shapes.map((shape) => shape.slice(1));
  made.grow(samples.length === 1 ? samples[0]! : samples);
  const inputs = shapes.map((shape, index) => random.normal(random.key(index), [...shape]));
  const apply = (l: nn.AnyLayer, xs: Tensor[], mode?: nn.Mode): Tensor =>
    l.forward(xs.length === 1 ? xs[0]! : xs, mode) as Tensor;

  const forward = jit((xs: Tensor[]) => apply(made, xs));
  const idle = nothing([forward(inputs).shape]);
  yield* measure(
    `G.${name}.forward`,
    () => forward(inputs),
    () => idle(inputs),
  );

  const cotangent = random.normal(random.key(9), forward(inputs).shape);
  // Training mode: batchNorm then goes by the statistics of the batch, whose gradient is the one that training needs.
  const gradients = jit((xs: Tensor[], ct: Tensor): Tensor[] => {
    const f = (p: readonly Tensor[], x: Tensor[]): Tensor =>
      apply(withParameters(made, p), x, nn.training());
    const [, pullback] = vjp(f, made.parameters(), xs);
    const [parameters, byInputs] = pullback(ct) as unknown as [Tensor[], Tensor[]];
    return [...parameters, ...byInputs];
  });
  const results = gradients(inputs, cotangent).map(({ shape }) => shape);
  const idleBack = nothing(results);
  yield* measure(
    `G.${name}.gradient`,
    () => gradients(inputs, cotangent),
    () => idleBack([...inputs, cotangent]),
  );
}

function withParameters(made: nn.AnyLayer, parameters: readonly Tensor[]): nn.AnyLayer {
  const { def } = flattenTree("layer", made);
  return def.rebuild(parameters) as nn.AnyLayer;
}

export function* run({ only = "" }: Options): Iterable<Measurement> {
  const table = JSON.parse(readFileSync(new URL("./layers.json", import.meta.url), "utf8")) as {
    readonly layers: readonly Entry[];
  };
  for (const entry of table.layers) if (entry.name.includes(only)) yield* layer(entry);
}
